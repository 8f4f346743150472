#include "tools/bench/first_token.h"

#include <chrono>
#include <utility>

namespace weft::tools {

Result<FirstToken> time_to_first_token(Engine& engine, std::vector<int32_t> prompt_ids) {
  const Request request{.prompt_ids = std::move(prompt_ids),
                        .max_tokens = 1,
                        .sampling = {.temperature = 0},
                        .ignore_eos = true};
  const auto start = std::chrono::steady_clock::now();
  WEFT_TRY_ASSIGN(TokenStream stream, engine.submit(request));
  WEFT_TRY_ASSIGN(const auto token, stream.next());
  const Usage usage = stream.usage();
  return FirstToken{.seconds = std::chrono::duration<double>(token->made_at - start).count(),
                    .computed = usage.prompt_tokens - usage.cached_tokens,
                    .cached = usage.cached_tokens};
}

}  // namespace weft::tools
