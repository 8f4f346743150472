// Text to token ids and back. Immutable after create(): one tokenizer serves any number of
// threads at once.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.h"
#include "core/text/text_range.h"
#include "core/text/vocab.h"

namespace weft {

class SpecialTokens;

struct EncodeOptions {
  // Put the model's BOS (and EOS) around the text where the model says so.
  bool add_special = true;
  // Recognise control tokens ("<|im_start|>") in the text. Off: they are plain text, so that
  // user input cannot forge a turn. User-defined tokens are always recognised.
  bool parse_special = false;
  // Stretches of the text (sorted, apart from each other) that no control token is recognised in,
  // not even in part: what a user said in a prompt that is otherwise a template's.
  std::span<const TextRange> plain = {};
};

class Tokenizer {
 public:
  // Fails with kUnknownPreTokenizer or kGgufBadVocabulary; a vocabulary is taken by value and
  // kept. Duplicate token strings are allowed: the lowest id is the one text becomes.
  static Result<std::unique_ptr<Tokenizer>> create(Vocab vocab);
  virtual ~Tokenizer();
  Tokenizer(const Tokenizer&) = delete;
  Tokenizer& operator=(const Tokenizer&) = delete;

  // Any bytes are accepted, invalid UTF-8 and NUL included. Time is at worst n log n in the
  // text's size, memory linear. Fails with kLimitExceeded for a text above 1 GiB or a result
  // above 2^31 − 1 tokens.
  Result<std::vector<int32_t>> encode(std::string_view text,
                                      const EncodeOptions& options = {}) const;

  // The bytes token `id` stands for; not necessarily whole UTF-8. Control and unknown tokens
  // give "" unless `special`. An id outside the vocabulary gives "".
  std::string piece(int32_t id, bool special = false) const;

  // The text of all ids together; what a DetokenizerStream gives for them, put together. Drops
  // the one leading space that encode() of a SentencePiece model added.
  std::string decode(std::span<const int32_t> ids, bool special = false) const;

  const Vocab& vocab() const { return vocab_; }

  // The type of token `id` as this tokenizer treats it: the file's, except that known
  // end-of-turn and fill-in-the-middle tokens count as control tokens whatever the file says.
  // An id outside the vocabulary is kUnused.
  TokenType type(int32_t id) const;

  // Sorted ids that end a generation: eos, eot, eom and known end-of-turn control tokens.
  const std::vector<int32_t>& stop_ids() const { return stop_ids_; }
  bool is_stop(int32_t id) const;

 protected:
  explicit Tokenizer(Vocab vocab);

  // Appends the ids of one stretch of plain text. `after_special`: nothing but special tokens
  // stand between it and the start of the text, or it follows one.
  virtual Result<void> append_text(std::string_view text, bool after_special,
                                   std::vector<int32_t>& out) const = 0;

  // The bytes that a token of type kNormal stands for.
  virtual std::string normal_piece(int32_t id) const = 0;

  Vocab vocab_;
  std::vector<TokenType> types_;  // [n_vocab]
  std::vector<int32_t> stop_ids_;

 private:
  std::unique_ptr<const SpecialTokens> special_tokens_;
};

// Ids to text, one at a time, never cutting a UTF-8 character in two: bytes of an unfinished
// character are held back until it is whole. Bytes that can never become UTF-8 come out as
// U+FFFD, as the Unicode standard's "substitution of maximal subparts" says.
// Owned by one generation; borrows the tokenizer.
class DetokenizerStream {
 public:
  // Where the ids begin. A SentencePiece model's first word carries a space that encode() put
  // there: it is dropped at the start of a text, and kept where ids go on with a text that is
  // already shown (what a model generates after a prompt).
  enum class Start { kOfText, kContinuation };

  explicit DetokenizerStream(const Tokenizer& tokenizer, bool special = false,
                             Start start = Start::kOfText);

  // The text that became whole with this token; often "".
  std::string push(int32_t id);
  // What was held back when the generation ended, as U+FFFD.
  std::string finish();
  bool holding() const { return !pending_.empty(); }

 private:
  const Tokenizer* tokenizer_;
  bool special_;
  bool drop_space_;
  std::string pending_;
};

}  // namespace weft
