#include "core/text/jinja/to_json.h"

#include <algorithm>
#include <cmath>

#include "core/text/jinja/print.h"

namespace weft::jinja {
namespace {

std::string unicode_escape(uint32_t unit) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string out = "\\u";
  for (int shift = 12; shift >= 0; shift -= 4) out += kDigits[(unit >> shift) & 15];
  return out;
}

std::string quoted(std::string_view text, bool ascii) {
  std::string out = "\"";
  for (size_t at = 0; at < text.size();) {
    const size_t end = char_end(text, at);
    const std::string_view character = text.substr(at, end - at);
    at = end;
    constexpr std::string_view kFrom = "\"\\\n\r\t\f\b", kTo = "\"\\nrtfb";
    const size_t simple = kFrom.find(character[0]);
    if (simple != std::string_view::npos) {
      out += '\\';
      out += kTo[simple];
    } else if (static_cast<uint8_t>(character[0]) < 0x20) {
      out += unicode_escape(static_cast<uint8_t>(character[0]));
    } else if (static_cast<uint8_t>(character[0]) < 0x80 || !ascii) {
      out += character;
    } else {
      const uint32_t c = code_point(character);
      if (c >= 0x10000) {
        out += unicode_escape(0xd800 + ((c - 0x10000) >> 10));
        out += unicode_escape(0xdc00 + ((c - 0x10000) & 0x3ff));
      } else {
        out += unicode_escape(c);
      }
    }
  }
  return out + '"';
}

std::string json_number(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value < 0 ? "-Infinity" : "Infinity";
  return float_repr(value);
}

class Writer {
 public:
  Writer(Machine& machine, const JsonStyle& style) : machine_(machine), style_(style) {}

  Result<void> write(const Value& value) {
    const Machine::Level level(machine_);
    WEFT_TRY(machine_.check_depth());
    WEFT_TRY(machine_.spend(1));
    WEFT_TRY(machine_.room(out.size()));
    switch (value.kind()) {
      case Value::Kind::kNone:
        out.append("null");
        return {};
      case Value::Kind::kBool:
        out.append(value.as_bool() ? "true" : "false");
        return {};
      case Value::Kind::kInt:
        out.append(std::to_string(value.as_int()));
        return {};
      case Value::Kind::kFloat:
        out.append(json_number(value.as_float()));
        return {};
      case Value::Kind::kString:
        return write_string(value.as_text());
      case Value::Kind::kList:
        if (value.as_list().style <= ListStyle::kTuple) return write_list(value.as_list());
        break;
      case Value::Kind::kDict:
        return write_dict(value.as_dict());
      default:
        break;
    }
    return machine_.error("Object of type " + std::string(value.type_name()) +
                          " is not JSON serializable");
  }

  Text out;

 private:
  Result<void> write_string(const Text& text) {
    WEFT_TRY(machine_.spend_bytes(text.size()));
    out.append(Text(quoted(text.bytes, style_.ensure_ascii), text.any_given()));
    return {};
  }

  Result<void> write_list(const List& list) {
    if (list.items.empty()) {
      out.append("[]");
      return {};
    }
    out.append("[");
    ++depth_;
    bool first = true;
    for (const Value& item : list.items) {
      WEFT_TRY(separate(std::exchange(first, false)));
      WEFT_TRY(write(item));
    }
    --depth_;
    WEFT_TRY(new_line());
    out.append("]");
    return {};
  }

  Result<void> write_dict(const Dict& dict) {
    if (dict.items.empty()) {
      out.append("{}");
      return {};
    }
    std::vector<const std::pair<Value, Value>*> items;
    for (const auto& item : dict.items) items.push_back(&item);
    if (style_.sort_keys) {
      std::ranges::stable_sort(
          items, [](const auto* a, const auto* b) { return KeyLess()(a->first, b->first); });
    }
    out.append("{");
    ++depth_;
    bool first = true;
    for (const auto* item : items) {
      WEFT_TRY(separate(std::exchange(first, false)));
      WEFT_TRY(write_key(item->first));
      out.append(style_.key_separator);
      WEFT_TRY(write(item->second));
    }
    --depth_;
    WEFT_TRY(new_line());
    out.append("}");
    return {};
  }

  Result<void> write_key(const Value& key) {
    switch (key.kind()) {
      case Value::Kind::kString:
        return write_string(key.as_text());
      case Value::Kind::kNone:
      case Value::Kind::kBool:
      case Value::Kind::kInt:
      case Value::Kind::kFloat:
        out.append("\"");
        WEFT_TRY(write(key));
        out.append("\"");
        return {};
      default:
        return machine_.error("keys must be str, int, float, bool or None, not " +
                              std::string(key.type_name()));
    }
  }

  Result<void> separate(bool first) {
    if (!first) out.append(style_.item_separator);
    return new_line();
  }

  Result<void> new_line() {
    if (!style_.indent) return {};
    const size_t blanks = style_.indent->size() * static_cast<size_t>(depth_);
    WEFT_TRY(machine_.room(out.size() + blanks));
    WEFT_TRY(machine_.spend_bytes(blanks));
    out.append("\n");
    for (int i = 0; i < depth_; ++i) out.append(*style_.indent);
    return {};
  }

  Machine& machine_;
  const JsonStyle& style_;
  int depth_ = 0;
};

}  // namespace

Result<Text> to_json(Machine& machine, const Value& value, const JsonStyle& style) {
  Writer writer(machine, style);
  WEFT_TRY(writer.write(value));
  return std::move(writer.out);
}

}  // namespace weft::jinja
