#include "tools/json_value.h"

#include "core/mapped_file.h"
#include "core/text/chat_template.h"

namespace weft::tools {
namespace {

using jinja::Value;
using nlohmann::ordered_json;

constexpr int kDeepest = 64;

Result<Value> convert(const ordered_json& json, std::string_view what, int depth) {
  if (depth > kDeepest) {
    return fail(ErrorCode::kLimitExceeded, std::string(what) + ": more than " +
                                               std::to_string(kDeepest) +
                                               " lists and objects inside each other");
  }
  switch (json.type()) {
    case ordered_json::value_t::boolean:
      return Value::boolean(json.get<bool>());
    case ordered_json::value_t::number_integer:
      return Value::integer(json.get<int64_t>());
    case ordered_json::value_t::number_unsigned: {
      const auto number = json.get<uint64_t>();
      if (number <= INT64_MAX) return Value::integer(static_cast<int64_t>(number));
      return Value::number(static_cast<double>(number));
    }
    case ordered_json::value_t::number_float:
      return Value::number(json.get<double>());
    case ordered_json::value_t::string:
      return Value::string(json.get<std::string>(), true);
    case ordered_json::value_t::array: {
      std::vector<Value> items;
      for (const ordered_json& item : json) {
        WEFT_TRY_ASSIGN(Value value, convert(item, what, depth + 1));
        items.push_back(std::move(value));
      }
      return Value::list(std::move(items));
    }
    case ordered_json::value_t::object: {
      std::vector<std::pair<std::string, Value>> items;
      for (const auto& [key, item] : json.items()) {
        if (key == "role" && item.is_string()) {
          items.emplace_back(key, role_value(item.get<std::string>()));
          continue;
        }
        WEFT_TRY_ASSIGN(Value value, convert(item, what, depth + 1));
        items.emplace_back(key, std::move(value));
      }
      return Value::dict(std::move(items));
    }
    default:
      return Value::none();
  }
}

}  // namespace

Result<Value> json_value(const ordered_json& json, std::string_view what) {
  return convert(json, what, 0);
}

Result<std::string> read_text_file(const std::string& path) {
  // A copy: a file that is written meanwhile does no harm.
  WEFT_TRY_ASSIGN(const auto file, MappedFile::open(path, {.use_mmap = false}));
  const auto bytes = file->bytes();
  return std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size());
}

Result<Value> read_json_value(const std::string& path) {
  WEFT_TRY_ASSIGN(const std::string text, read_text_file(path));
  const auto json = ordered_json::parse(text.begin(), text.end(), nullptr, false);
  if (json.is_discarded()) {
    return fail(ErrorCode::kInvalidArgument, path + ": not one JSON value in UTF-8");
  }
  return json_value(json, path);
}

}  // namespace weft::tools
