// TokenStream: a generation as it is made.
#include <optional>

#include "api/async/token_stream.h"
#include "api/c/boundary.h"
#include "api/c/completion.h"
#include "api/c/convert.h"
#include "api/c/handles.h"

using namespace weft;
using namespace weft::c;

namespace {

weft_token token_of(const async::TokenData& token) {
  return {.struct_size = sizeof(weft_token),
          .token_id = token.token_id,
          .is_final = token.is_final ? 1 : 0,
          .logprob = token.logprob,
          .text = token.text.c_str(),
          .size = token.text.size()};
}

}  // namespace

extern "C" {

weft_status weft_stream_next(weft_stream* stream, weft_on_token on_token, void* user_data,
                             weft_error** error) {
  return guarded(error, [&]() -> Result<void> {
    WEFT_TRY(given({{stream, "stream"}, {on_token, "on_token"}}));
    using Next = std::optional<async::TokenData>;
    stream->value.next(answer<Next>(on_token, user_data, [](auto& done, const Next& next) {
      if (!next) return done.succeed(nullptr);
      const weft_token token = token_of(*next);
      done.succeed(&token);
    }));
    return {};
  });
}

weft_status weft_stream_try_next(weft_stream* stream, weft_token* token, weft_poll* state,
                                 weft_error** error) {
  return guarded(error, [&]() -> Result<void> {
    WEFT_TRY(given({{stream, "stream"}, {token, "token"}, {state, "state"}}));
    WEFT_TRY(check_size(*token, "token"));
    auto taken = stream->value.try_next();
    if (!taken) {
      *state = WEFT_POLL_PENDING;
      return {};
    }
    if (!*taken) return tl::unexpected(std::move(taken->error()));
    if (!**taken) {
      *state = WEFT_POLL_FINISHED;
      return {};
    }
    stream->last = std::move(***taken);
    *state = WEFT_POLL_READY;
    return fill(token, token_of(stream->last), "token");
  });
}

void weft_stream_cancel(weft_stream* stream) {
  if (stream != nullptr) stream->value.cancel();
}

int32_t weft_stream_is_finished(const weft_stream* stream) {
  return stream == nullptr || stream->value.is_finished() ? 1 : 0;
}

int32_t weft_stream_tokens_generated(const weft_stream* stream) {
  return stream != nullptr ? stream->value.tokens_generated() : 0;
}

weft_status weft_stream_get_config(const weft_stream* stream, weft_stream_config* config,
                                   weft_error** error) {
  return guarded(error, [&]() -> Result<void> {
    WEFT_TRY(given({{stream, "stream"}}));
    weft_stream_config all = c_config_of(stream->value.config());
    all.stop_sequences = stream->stop_sequences.data();
    all.num_stop_sequences = stream->stop_sequences.size();
    return fill(config, all, "config");
  });
}

void weft_stream_free(weft_stream* stream) { free_handle(stream); }

}  // extern "C"
