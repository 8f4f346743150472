// Any bytes as a chat template: it is refused or rendered, in bounds.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "core/check.h"
#include "core/text/chat_template.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using weft::jinja::Value;
  const weft::jinja::Limits limits{
      .steps = 50'000, .output_bytes = size_t{1} << 20, .value_bytes = size_t{4} << 20};
  const std::string_view source(reinterpret_cast<const char*>(data), size);
  const auto parsed = weft::ChatTemplate::parse(source, limits);
  if (!parsed) return 0;
  weft::ChatInput input;
  input.messages = weft::chat_messages(
      {{"system", "be brief"}, {"user", "Grüße <|x|>"}, {"assistant", "ok\n"}, {"user", ""}});
  input.tools = Value::list({Value::dict(
      {{"name", Value::string("f", true)}, {"n", Value::integer(-1)}, {"x", Value::number(0.5)}})});
  input.bos_token = "<s>";
  input.clock = [] { return weft::DateTime{}; };
  const auto prompt = parsed->render(input);
  if (!prompt) return 0;
  WEFT_CHECK(prompt->text.size() <= limits.output_bytes, "fuzz_chat_template: output too large");
  size_t at = 0;
  for (const weft::TextRange& range : prompt->plain) {
    WEFT_CHECK(range.begin >= at && range.end > range.begin && range.end <= prompt->text.size(),
               "fuzz_chat_template: a range out of place");
    at = range.end;
  }
  return 0;
}
