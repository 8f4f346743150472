#include "gguf/split_name.h"

#include <charconv>
#include <string_view>

namespace weft::gguf {
namespace {

constexpr std::string_view kExtension = ".gguf";
constexpr size_t kDigits = 5;
constexpr size_t kTail = 1 + kDigits + 4 + kDigits;  // "-00002-of-00005"

std::optional<uint32_t> parse_digits(std::string_view text) {
  uint32_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::string five_digits(uint32_t value) {
  std::string digits = std::to_string(value);
  return std::string(digits.size() < kDigits ? kDigits - digits.size() : 0, '0') + digits;
}

}  // namespace

std::string SplitName::part(uint32_t i) const {
  return stem + "-" + five_digits(i + 1) + "-of-" + five_digits(count) + std::string(kExtension);
}

std::optional<SplitName> parse_split_name(const std::string& path) {
  std::string_view text = path;
  if (!text.ends_with(kExtension)) return std::nullopt;
  text.remove_suffix(kExtension.size());
  if (text.size() <= kTail) return std::nullopt;
  const std::string_view tail = text.substr(text.size() - kTail);
  if (tail[0] != '-' || tail.substr(1 + kDigits, 4) != "-of-") return std::nullopt;
  const auto number = parse_digits(tail.substr(1, kDigits));
  const auto count = parse_digits(tail.substr(1 + kDigits + 4, kDigits));
  if (!number || !count || *number < 1 || *number > *count) return std::nullopt;
  return SplitName{std::string(text.substr(0, text.size() - kTail)), *number - 1, *count};
}

}  // namespace weft::gguf
