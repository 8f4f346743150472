#include "core/text/special_tokens.h"

#include <algorithm>
#include <tuple>

namespace weft {
namespace {

// Whether any of the bytes [begin, end) are in one of the ranges.
bool touches(std::span<const TextRange> ranges, size_t begin, size_t end) {
  const auto range = std::partition_point(ranges.begin(), ranges.end(),
                                          [begin](const TextRange& r) { return r.end <= begin; });
  return range != ranges.end() && range->begin < end;
}

}  // namespace

SpecialTokens::SpecialTokens(const std::vector<std::string>& tokens,
                             std::span<const TokenType> types) {
  for (size_t id = 0; id < tokens.size(); ++id) {
    const bool only_parsed = types[id] == TokenType::kControl || types[id] == TokenType::kUnknown;
    if (!only_parsed && types[id] != TokenType::kUserDefined) continue;
    if (tokens[id].empty()) continue;
    specials_.push_back({tokens[id], static_cast<int32_t>(id), only_parsed});
  }
  std::sort(specials_.begin(), specials_.end(), [](const Special& a, const Special& b) {
    return std::tie(a.text, a.id) < std::tie(b.text, b.id);
  });
  order_.resize(specials_.size());
  for (uint32_t i = 0; i < order_.size(); ++i) order_[i] = i;
  std::sort(order_.begin(), order_.end(), [&](uint32_t a, uint32_t b) {
    const Special &x = specials_[a], &y = specials_[b];
    return x.text.size() != y.text.size() ? x.text.size() > y.text.size() : x.id < y.id;
  });
  first_byte_.assign(257, 0);
  for (const Special& special : specials_) {
    ++first_byte_[static_cast<uint8_t>(special.text[0]) + 1];
  }
  for (size_t i = 1; i < first_byte_.size(); ++i) first_byte_[i] += first_byte_[i - 1];
}

std::vector<uint32_t> SpecialTokens::occurring(std::string_view text, bool parse_special) const {
  std::vector<bool> occurs(specials_.size());
  size_t num_occurring = 0;
  const auto wanted = [&](const Special& special) {
    return (parse_special || !special.only_parsed);
  };
  for (size_t begin = 0; begin < text.size(); ++begin) {
    const auto byte = static_cast<uint8_t>(text[begin]);
    auto low = specials_.begin() + first_byte_[byte];
    auto high = specials_.begin() + first_byte_[byte + 1];
    // Narrows the sorted range by one more byte at a time; those that end here come first in it.
    for (size_t size = 1; low != high; ++size) {
      for (; low != high && low->text.size() == size; ++low) {
        const size_t index = low - specials_.begin();
        if (occurs[index] || !wanted(*low)) continue;
        occurs[index] = true;
        ++num_occurring;
      }
      if (begin + size == text.size()) break;
      const auto next = static_cast<uint8_t>(text[begin + size]);
      const auto byte_at = [&](const Special& s) { return static_cast<uint8_t>(s.text[size]); };
      low = std::partition_point(low, high, [&](const Special& s) { return byte_at(s) < next; });
      high = std::partition_point(low, high, [&](const Special& s) { return byte_at(s) <= next; });
    }
  }
  std::vector<uint32_t> found;
  if (num_occurring == 0) return found;
  for (const uint32_t index : order_) {
    if (occurs[index]) found.push_back(index);
  }
  return found;
}

std::vector<Fragment> SpecialTokens::split(std::string_view text, bool parse_special,
                                           std::span<const TextRange> plain) const {
  std::vector<Fragment> fragments;
  if (text.empty()) return fragments;
  fragments.push_back({0, text.size(), -1});
  if (specials_.empty()) return fragments;
  std::vector<Fragment> next;
  for (const uint32_t index : occurring(text, parse_special)) {
    const Special& special = specials_[index];
    next.clear();
    for (const Fragment& fragment : fragments) {
      size_t begin = fragment.begin, from = begin;
      const size_t end = fragment.begin + fragment.size;
      while (fragment.token < 0) {
        const size_t match = text.substr(0, end).find(special.text, from);
        if (match == std::string_view::npos) break;
        from = match + 1;
        if (special.only_parsed && touches(plain, match, match + special.text.size())) continue;
        if (match > begin) next.push_back({begin, match - begin, -1});
        next.push_back({match, special.text.size(), special.id});
        begin = from = match + special.text.size();
      }
      if (begin < end) next.push_back({begin, end - begin, fragment.token});
    }
    fragments.swap(next);
  }
  return fragments;
}

}  // namespace weft
