// Vocab: what a tokenizer needs to know of a model, filled by a file loader, checked by it too.
// Plain data; knows neither files nor how text is split.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace weft {

enum class TokenizerKind {
  kSentencePiece,  // scores, byte fallback; "llama" in GGUF
  kByteBpe,        // merges over byte-level text; "gpt2" in GGUF
};

// Numbers as GGUF's tokenizer.ggml.token_type has them.
enum class TokenType : int32_t {
  kNormal = 1,
  kUnknown = 2,
  kControl = 3,
  kUserDefined = 4,
  kUnused = 5,
  kByte = 6,
};

struct Vocab {
  TokenizerKind kind = TokenizerKind::kSentencePiece;
  std::string pre_tokenizer = "default";  // name as in tokenizer.ggml.pre; byte-level BPE only
  std::vector<std::string> tokens;        // [n_vocab] as stored; duplicates are allowed
  std::vector<float> scores;              // [n_vocab], or empty (byte-level BPE)
  std::vector<TokenType> types;           // [n_vocab], or empty: all normal
  std::vector<std::string> merges;        // "left right", best first; byte-level BPE only

  // Ids are absent or inside the vocabulary.
  std::optional<int32_t> bos_id, eos_id, eot_id, eom_id, unk_id, pad_id;
  bool add_bos = false;
  bool add_eos = false;
  bool add_space_prefix = true;  // SentencePiece: "Hello" is tokenised as " Hello"

  int32_t size() const { return static_cast<int32_t>(tokens.size()); }
};

}  // namespace weft
