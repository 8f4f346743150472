#include "tools/batch/request_line.h"

#include <array>
#include <cfloat>
#include <charconv>
#include <cmath>
#include <set>
#include <utility>

#include <nlohmann/json.hpp>

#include "core/text/utf8.h"

namespace weft::tools {
namespace {

using Json = nlohmann::json;

// Samples that one line can ask for, and alternatives for one token: what a line costs in memory
// is bounded by max_tokens times these.
constexpr int64_t kMostSamples = 1024;
constexpr int64_t kMostLogprobs = 100;

// A value as a message shows it: short, and on one line.
std::string shown(const Json& value) {
  constexpr size_t kMost = 40;
  if (value.is_object()) return "an object";
  if (value.is_array()) return "an array";
  std::string text = value.dump(-1, ' ', true, Json::error_handler_t::replace);
  if (text.size() > kMost) text = text.substr(0, kMost) + "…";
  return text;
}

tl::unexpected<Error> unwanted(const std::string& field, const Json& found,
                               const std::string& wanted) {
  return fail(ErrorCode::kInvalidArgument, field + ": " + shown(found) + ", expected " + wanted);
}

Result<int64_t> whole(const std::string& field, const Json& value, int64_t low, int64_t high) {
  const std::string wanted =
      "a whole number in " + std::to_string(low) + " … " + std::to_string(high);
  if (!value.is_number_integer()) return unwanted(field, value, wanted);
  // An unsigned number beyond int64_t would come out negative.
  const bool fits = !value.is_number_unsigned() || value.get<uint64_t>() <= INT64_MAX;
  const int64_t found = fits ? value.get<int64_t>() : INT64_MAX;
  if (!fits || found < low || found > high) return unwanted(field, value, wanted);
  return found;
}

Result<float> number(const std::string& field, const Json& value) {
  if (!value.is_number()) return unwanted(field, value, "a number");
  const auto found = value.get<double>();
  if (!(std::abs(found) <= FLT_MAX)) return unwanted(field, value, "a number a float can hold");
  return static_cast<float>(found);
}

Result<bool> boolean(const std::string& field, const Json& value) {
  if (!value.is_boolean()) return unwanted(field, value, "true or false");
  return value.get<bool>();
}

Result<std::string> text(const std::string& field, const Json& value) {
  if (!value.is_string()) return unwanted(field, value, "a string");
  return value.get<std::string>();
}

Result<std::vector<int32_t>> ids(const std::string& field, const Json& value) {
  if (!value.is_array()) return unwanted(field, value, "an array of token ids");
  std::vector<int32_t> result;
  result.reserve(value.size());
  for (const Json& id : value) {
    const std::string place = field + "[" + std::to_string(result.size()) + "]";
    WEFT_TRY_ASSIGN(const int64_t found, whole(place, id, 0, INT32_MAX));
    result.push_back(static_cast<int32_t>(found));
  }
  return result;
}

// A field of Request that is read by one of the functions above.
template <auto Member>
Result<void> read_whole(const std::string& field, const Json& value, Request& request, int64_t low,
                        int64_t high) {
  WEFT_TRY_ASSIGN(const int64_t found, whole(field, value, low, high));
  request.*Member = static_cast<int32_t>(found);
  return {};
}
template <auto Member>
Result<void> read_flag(const std::string& field, const Json& value, Request& request) {
  WEFT_TRY_ASSIGN(request.*Member, boolean(field, value));
  return {};
}
template <auto Member>
Result<void> read_sampling(const std::string& field, const Json& value, Request& request) {
  WEFT_TRY_ASSIGN(request.sampling.*Member, number(field, value));
  return {};
}

Result<void> read_id(const std::string& field, const Json& value, Request&) {
  if (value.is_string() || value.is_number_integer()) return {};
  return unwanted(field, value, "a string or a whole number");
}

Result<void> read_prompt(const std::string& field, const Json& value, Request& request) {
  WEFT_TRY_ASSIGN(request.prompt, text(field, value));
  return {};
}

Result<void> read_tokens(const std::string& field, const Json& value, Request& request) {
  WEFT_TRY_ASSIGN(request.prompt_ids, ids(field, value));
  if (!request.prompt_ids.empty()) return {};
  return fail(ErrorCode::kInvalidArgument, field + ": empty, expected a token");
}

Result<void> read_max_tokens(const std::string& field, const Json& value, Request& request) {
  return read_whole<&Request::max_tokens>(field, value, request, 1, INT32_MAX);
}
Result<void> read_min_tokens(const std::string& field, const Json& value, Request& request) {
  return read_whole<&Request::min_tokens>(field, value, request, 0, INT32_MAX);
}
Result<void> read_n(const std::string& field, const Json& value, Request& request) {
  return read_whole<&Request::n>(field, value, request, 1, kMostSamples);
}
Result<void> read_logprobs(const std::string& field, const Json& value, Request& request) {
  if (value.is_null()) return {};
  return read_whole<&Request::logprobs>(field, value, request, 0, kMostLogprobs);
}

Result<void> read_top_k(const std::string& field, const Json& value, Request& request) {
  WEFT_TRY_ASSIGN(const int64_t found, whole(field, value, -1, INT32_MAX));
  request.sampling.top_k = static_cast<int32_t>(found);
  return {};
}

Result<void> read_seed(const std::string& field, const Json& value, Request& request) {
  if (!value.is_number_unsigned()) return unwanted(field, value, "a whole number in 0 … 2^64 - 1");
  request.sampling.seed = value.get<uint64_t>();
  return {};
}

Result<void> read_logit_bias(const std::string& field, const Json& value, Request& request) {
  if (!value.is_object()) return unwanted(field, value, "an object of token ids and numbers");
  for (const auto& [key, bias] : value.items()) {
    int32_t id = 0;
    const auto [end, error] = std::from_chars(key.data(), key.data() + key.size(), id);
    if (error != std::errc() || end != key.data() + key.size()) {
      return unwanted(field, Json(key), "a token id");
    }
    WEFT_TRY_ASSIGN(const float added, number(field, bias));
    request.sampling.logit_bias.emplace_back(id, added);
  }
  return {};
}

Result<void> read_stop(const std::string& field, const Json& value, Request& request) {
  const std::string wanted = "a string that is not empty, or an array of them";
  if (!value.is_string() && !value.is_array()) return unwanted(field, value, wanted);
  const Json list = value.is_array() ? value : Json::array({value});
  for (const Json& stop : list) {
    if (!stop.is_string() || stop.get_ref<const std::string&>().empty()) {
      return unwanted(field, stop, wanted);
    }
    request.stop_strings.push_back(stop);
  }
  return {};
}

Result<void> read_stop_ids(const std::string& field, const Json& value, Request& request) {
  WEFT_TRY_ASSIGN(request.stop_ids, ids(field, value));
  return {};
}

Result<void> read_priority(const std::string& field, const Json& value, Request& request) {
  constexpr std::array<std::string_view, 4> kNames = {"low", "normal", "high", "urgent"};
  for (size_t i = 0; i < kNames.size(); ++i) {
    if (value != kNames[i]) continue;
    request.priority = static_cast<Priority>(i);
    return {};
  }
  return unwanted(field, value, "low, normal, high or urgent");
}

struct Field {
  std::string_view name;
  Result<void> (*read)(const std::string& field, const Json& value, Request& request);
};

constexpr Field kFields[] = {
    {"id", read_id},
    {"prompt", read_prompt},
    {"tokens", read_tokens},
    {"add_bos", read_flag<&Request::add_bos>},
    {"parse_special", read_flag<&Request::parse_special>},
    {"max_tokens", read_max_tokens},
    {"min_tokens", read_min_tokens},
    {"temperature", read_sampling<&SamplingParams::temperature>},
    {"top_k", read_top_k},
    {"top_p", read_sampling<&SamplingParams::top_p>},
    {"min_p", read_sampling<&SamplingParams::min_p>},
    {"repetition_penalty", read_sampling<&SamplingParams::repetition_penalty>},
    {"presence_penalty", read_sampling<&SamplingParams::presence_penalty>},
    {"frequency_penalty", read_sampling<&SamplingParams::frequency_penalty>},
    {"logit_bias", read_logit_bias},
    {"seed", read_seed},
    {"n", read_n},
    {"stop", read_stop},
    {"stop_ids", read_stop_ids},
    {"ignore_eos", read_flag<&Request::ignore_eos>},
    {"logprobs", read_logprobs},
    {"prompt_logprobs", read_flag<&Request::prompt_logprobs>},
    {"priority", read_priority},
};

Result<void> read_field(const std::string& name, const Json& value, Request& request) {
  for (const Field& field : kFields) {
    if (field.name == name) return field.read(name, value, request);
  }
  std::string known;
  for (const Field& field : kFields) known += " " + std::string(field.name);
  return fail(ErrorCode::kInvalidArgument,
              "unknown field " + shown(Json(name)) + ", expected one of" + known);
}

// The library's message without its own preamble ("[json.exception.…] … line 1, column 7: ") and
// without the bytes that it read last, which may be anything.
std::string reason_of(const Json::exception& error) {
  std::string_view reason = error.what();
  if (const size_t column = reason.find("column "); column != std::string_view::npos) {
    reason.remove_prefix(column);
  } else if (const size_t end = reason.find("] "); end != std::string_view::npos) {
    reason.remove_prefix(end + 2);
  }
  return std::string(reason.substr(0, reason.find("; last read")));
}

Result<Json> parse_object(std::string_view line, int64_t number) {
  const std::string place = "line " + std::to_string(number) + ": ";
  if (!utf8_valid(line)) return fail(ErrorCode::kInvalidUtf8, place + "not valid UTF-8");
  std::set<std::string> keys;
  std::string twice;
  const auto watch = [&](int depth, Json::parse_event_t event, Json& parsed) {
    if (depth == 1 && event == Json::parse_event_t::key) {
      const auto& key = parsed.get_ref<const std::string&>();
      if (!keys.insert(key).second) twice = key;
    }
    return true;
  };
  try {
    Json object = Json::parse(line, watch);
    if (!object.is_object()) {
      return fail(ErrorCode::kInvalidArgument, place + shown(object) + ", expected a JSON object");
    }
    if (!twice.empty()) {
      return fail(ErrorCode::kInvalidArgument, place + "field \"" + twice + "\" is there twice");
    }
    return object;
  } catch (const Json::exception& error) {
    return fail(ErrorCode::kInvalidArgument, place + "not JSON: " + reason_of(error));
  }
}

Result<Request> read_request(const Json& object) {
  Request request;
  for (const auto& [name, value] : object.items()) WEFT_TRY(read_field(name, value, request));
  if (object.contains("prompt") == object.contains("tokens")) {
    return fail(ErrorCode::kInvalidArgument, object.contains("prompt")
                                                 ? "prompt and tokens, expected one of them"
                                                 : "no prompt, expected prompt or tokens");
  }
  return request;
}

}  // namespace

RequestLine parse_request_line(std::string_view line, int64_t number) {
  RequestLine result{.id = std::to_string(number)};
  Result<Json> object = parse_object(line, number);
  if (!object) {
    result.request = tl::unexpected(object.error());
    return result;
  }
  if (const auto id = object->find("id");
      id != object->end() && read_id("id", *id, *result.request)) {
    result.id = id->dump();
  }
  result.request = read_request(*object);
  if (!result.request) {
    Error error = result.request.error();
    error.message = "line " + std::to_string(number) + ": " + error.message;
    result.request = tl::unexpected(std::move(error));
  }
  return result;
}

}  // namespace weft::tools
