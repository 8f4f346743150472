#include "tools/synth/vocabulary.h"

#include <array>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tools/synth/bpe_trainer.h"
#include "tools/synth/words.h"

namespace weft::synth {
namespace {

constexpr std::string_view kSpace = "\u2581";  // how SentencePiece writes a space
constexpr char kFirstPrintable = '!';
constexpr char kLastPrintable = '~';
constexpr int32_t kSpecials = 3;
constexpr int32_t kBytes = 256;
constexpr int32_t kCharacters = kLastPrintable - kFirstPrintable + 2;  // and kSpace
static_assert(kSpecials + kBytes + kCharacters == kSmallestVocabulary);
static_assert(kSpecials + kBytes == kControlAndByteTokens);

// `word` after a space or not, its first letter raised or not, as single characters.
TrainingWord training_word(std::string word, bool after_space, bool capital, int64_t count) {
  TrainingWord out{.pieces = {}, .count = count};
  if (capital) word.front() = static_cast<char>(word.front() - 'a' + 'A');
  if (after_space) out.pieces.emplace_back(kSpace);
  for (const char c : word) out.pieces.emplace_back(1, c);
  return out;
}

std::vector<TrainingWord> training_words() {
  std::vector<TrainingWord> out;
  std::istringstream words{std::string(common_words())};
  std::string word;
  for (int64_t rank = 1; words >> word; ++rank) {
    // Zipf's law for the word, and rough shares for how it is met.
    const int64_t count = 1'000'000 / rank;
    out.push_back(training_word(word, true, false, count));
    out.push_back(training_word(word, false, false, count / 8));
    out.push_back(training_word(word, true, true, count / 16));
  }
  return out;
}

}  // namespace

Result<Vocab> make_vocabulary(int32_t n_vocab) {
  if (n_vocab < kSmallestVocabulary) {
    return fail(ErrorCode::kInvalidArgument,
                "vocabulary of " + std::to_string(n_vocab) + " tokens: a tokenizer for any text " +
                    "takes at least " + std::to_string(kSmallestVocabulary));
  }
  Vocab vocab;
  vocab.kind = TokenizerKind::kSentencePiece;
  vocab.tokens.reserve(n_vocab);
  const auto add = [&](std::string text, TokenType type, float score) {
    vocab.tokens.push_back(std::move(text));
    vocab.types.push_back(type);
    vocab.scores.push_back(score);
  };

  add("<unk>", TokenType::kUnknown, 0.0f);
  add("<s>", TokenType::kControl, 0.0f);
  add("</s>", TokenType::kControl, 0.0f);
  vocab.unk_id = 0;
  vocab.bos_id = 1;
  vocab.eos_id = 2;
  vocab.add_bos = true;

  constexpr std::string_view kHex = "0123456789ABCDEF";
  for (int32_t byte = 0; byte < kBytes; ++byte) {
    add(std::string("<0x") + kHex[byte / 16] + kHex[byte % 16] + ">", TokenType::kByte, 0.0f);
  }
  // A text's neighbouring pieces are joined best score first: the order of training. Characters
  // are never made by joining, so their score only has to be below.
  constexpr float kCharacterScore = -1e6f;
  add(std::string(kSpace), TokenType::kNormal, kCharacterScore);
  for (char c = kFirstPrintable; c <= kLastPrintable; ++c) {
    add(std::string(1, c), TokenType::kNormal, kCharacterScore);
  }
  float score = 0.0f;
  for (std::string& piece : train_bpe(training_words(), n_vocab - kSmallestVocabulary)) {
    add(std::move(piece), TokenType::kNormal, score);
    score -= 1.0f;
  }
  for (int32_t unused = 0; vocab.size() < n_vocab; ++unused) {
    add("<unused_" + std::to_string(unused) + ">", TokenType::kUnused, kCharacterScore);
  }
  return vocab;
}

}  // namespace weft::synth
