// PreTokenizer: cuts text into the words that byte-level BPE merges inside of. Which words is a
// row of a table (pre_tokenizer_table.cpp) for each name that tokenizer.ggml.pre may hold.
// Immutable: serves any number of threads.
//
// The patterns run on one byte a character: ASCII as it is, everything else as its class
// (letter, number, mark, ...). So they see Unicode through our own table, cost the same for every
// script, and PCRE2 needs no UTF-8 mode, whose tables differ from one version to the next.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.h"

namespace weft {

struct CodePointRange {
  uint32_t first, last;
};

// One pass over the text: what the pattern matches becomes words of their own, what lies between
// matches too. The next stage cuts those words further and sees nothing outside them.
struct PreTokenizerStage {
  // PCRE2 syntax without groups that capture; \p{L} \p{N} \p{M} \p{P} \p{S} are the classes,
  // \p{Set} is `set`. No pattern matches nothing, or looks further than a bounded number of times
  // over what it then matches: the time stays linear.
  std::string pattern;
  std::span<const CodePointRange> set = {};  // above ASCII, sorted; white space is never in it
};

struct PreTokenizerSpec {
  std::vector<PreTokenizerStage> stages;
  bool ignore_merges = false;  // a word that is a token as a whole becomes it, merges or not
  bool add_bos = false;        // what holds where the file does not say
};

// Null where the name is not known.
const PreTokenizerSpec* find_pre_tokenizer(std::string_view name);

// Every name, sorted.
std::vector<std::string_view> pre_tokenizer_names();

class PreTokenizer {
 public:
  // Fails with kUnknownPreTokenizer, naming it.
  static Result<PreTokenizer> create(std::string_view name);
  PreTokenizer(PreTokenizer&&) noexcept;
  ~PreTokenizer();

  const PreTokenizerSpec& spec() const { return *spec_; }

  // Sizes in bytes of the words of `text`, in order; together they are its size. `text` is as
  // normalise_lax() leaves it and at most 4 GiB. Fails only with kOutOfMemory.
  Result<std::vector<uint32_t>> split(std::string_view text) const;

 private:
  class Regex;
  explicit PreTokenizer(const PreTokenizerSpec& spec);

  const PreTokenizerSpec* spec_;
  std::vector<Regex> regexes_;  // one a stage
};

}  // namespace weft
