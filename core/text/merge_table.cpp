#include "core/text/merge_table.h"

#include <bit>
#include <unordered_map>

#include "core/text/byte_level.h"

namespace weft {

Result<MergeTable> MergeTable::create(std::span<const std::string> merges, const TokenMap& pieces,
                                      int32_t n_vocab) {
  // Strings outside the vocabulary are numbered behind it.
  std::unordered_map<std::string, int32_t> others;
  const auto number = [&](const std::string& bytes) {
    const int32_t id = pieces.find(bytes);
    if (id >= 0) return id;
    return others.emplace(bytes, n_vocab + static_cast<int32_t>(others.size())).first->second;
  };

  MergeTable table;
  for (int byte = 0; byte < 256; ++byte) {
    table.byte_pieces_[byte] = number(std::string(1, static_cast<char>(byte)));
  }
  table.slots_.resize(std::bit_ceil(merges.size() + merges.size() / 2 + 2));
  table.mask_ = table.slots_.size() - 1;
  for (size_t rank = 0; rank < merges.size(); ++rank) {
    const std::string_view merge = merges[rank];
    const size_t space = merge.find(' ', 1);
    if (space == std::string_view::npos || space + 1 == merge.size()) {
      return fail(ErrorCode::kGgufBadVocabulary,
                  "tokenizer.ggml.merges[" + std::to_string(rank) + "]: \"" + merges[rank] +
                      "\", expected two pieces with a space between them");
    }
    const auto left = decode_byte_level(merge.substr(0, space));
    const auto right = decode_byte_level(merge.substr(space + 1));
    if (!left || !right) continue;  // not in the alphabet: no text has these pieces
    const uint64_t pair = key(number(*left), number(*right));
    size_t i = table.slot_of(pair);
    while (table.slots_[i].pair != kEmpty && table.slots_[i].pair != pair) {
      i = (i + 1) & table.mask_;
    }
    if (table.slots_[i].pair == pair) continue;  // listed twice: the better rank counts
    table.slots_[i] = {pair, static_cast<uint32_t>(rank), number(*left + *right)};
  }
  return table;
}

}  // namespace weft
