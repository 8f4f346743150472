#include "tools/batch/result_line.h"

#include <array>
#include <charconv>

#include <nlohmann/json.hpp>

namespace weft::tools {
namespace {

using Json = nlohmann::ordered_json;

std::string line_of(const Json& object) {
  return object.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

// The double whose shortest decimal form is the float's: -0.1, not -0.10000000149011612.
double short_double(float value) {
  std::array<char, 32> digits;
  const auto written = std::to_chars(digits.data(), digits.data() + digits.size(), value);
  double result = value;
  std::from_chars(digits.data(), written.ptr, result);
  return result;
}

Json json_of(const Error& error) {
  return {{"code", error_code_name(error.code)}, {"message", error.message}};
}

Json json_of(const TokenLogprob& token) {
  return {{"id", token.id}, {"logprob", short_double(token.logprob)}};
}

Json json_of(const std::vector<TokenLogprob>& tokens) {
  Json list = Json::array();
  for (const TokenLogprob& token : tokens) list.push_back(json_of(token));
  return list;
}

Json logprobs_of(const Sample& sample, bool with_alternatives) {
  Json list = json_of(sample.logprobs);
  if (!with_alternatives) return list;
  for (size_t i = 0; i < list.size(); ++i) list[i]["top"] = json_of(sample.alternatives[i]);
  return list;
}

void put_sample(Json& object, const Sample& sample, const RequestResult& result) {
  object["tokens"] = sample.tokens;
  object["text"] = sample.text;
  object["finish_reason"] =
      sample.finish_reason ? Json(finish_reason_name(*sample.finish_reason)) : Json();
  if (result.samples.size() > 1) {
    object["logprobs"] =
        result.with_logprobs ? logprobs_of(sample, result.with_alternatives) : Json();
  }
}

}  // namespace

std::string result_line(const RequestResult& result) {
  Json object = {{"id", Json::parse(result.id)}};
  const bool several = result.samples.size() > 1;
  size_t generated = 0;
  const Error* error = nullptr;
  for (const Sample& sample : result.samples) {
    generated += sample.tokens.size();
    if (error == nullptr && sample.error) error = &*sample.error;
  }
  if (several) {
    Json choices = Json::array();
    for (const Sample& sample : result.samples) {
      Json choice = {{"index", choices.size()}};
      put_sample(choice, sample, result);
      choice["error"] = sample.error ? json_of(*sample.error) : Json();
      choices.push_back(std::move(choice));
    }
    object["choices"] = std::move(choices);
  } else {
    put_sample(object, result.samples.front(), result);
  }
  object["usage"] = {{"prompt_tokens", result.prompt_tokens}, {"completion_tokens", generated}};
  if (!several) {
    object["logprobs"] = result.with_logprobs
                             ? logprobs_of(result.samples.front(), result.with_alternatives)
                             : Json();
  }
  if (result.prompt_logprobs) object["prompt_logprobs"] = json_of(*result.prompt_logprobs);
  object["error"] = error != nullptr ? json_of(*error) : Json();
  return line_of(object);
}

std::string error_line(const std::string& id, const Error& error) {
  return line_of({{"id", Json::parse(id)},
                  {"tokens", nullptr},
                  {"text", nullptr},
                  {"finish_reason", nullptr},
                  {"usage", nullptr},
                  {"logprobs", nullptr},
                  {"error", json_of(error)}});
}

std::optional<std::string> id_of_result_line(std::string_view line) {
  const Json object = Json::parse(line, nullptr, false);
  if (!object.is_object() || !object.contains("id") || !object.contains("error")) {
    return std::nullopt;
  }
  return object["id"].dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace weft::tools
