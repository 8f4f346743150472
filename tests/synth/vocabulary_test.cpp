#include "tools/synth/vocabulary.h"

#include <memory>
#include <set>
#include <string>

#include <gtest/gtest.h>

#include "core/text/tokenizer.h"

namespace weft::synth {
namespace {

std::unique_ptr<Tokenizer> tokenizer(int32_t n_vocab) {
  return Tokenizer::create(make_vocabulary(n_vocab).value()).value();
}

TEST(SynthVocabulary, HasExactlyTheSizeAsked) {
  for (const int32_t size : {354, 512, 1024, 5000}) {
    const Vocab vocab = make_vocabulary(size).value();
    EXPECT_EQ(vocab.size(), size);
    EXPECT_EQ(vocab.scores.size(), vocab.tokens.size());
    EXPECT_EQ(vocab.types.size(), vocab.tokens.size());
    const std::set<std::string> distinct(vocab.tokens.begin(), vocab.tokens.end());
    EXPECT_EQ(distinct.size(), vocab.tokens.size());
  }
}

TEST(SynthVocabulary, IsRefusedWhereItCouldNotHoldEveryByte) {
  const auto vocab = make_vocabulary(353);
  ASSERT_FALSE(vocab);
  EXPECT_EQ(vocab.error().code, ErrorCode::kInvalidArgument);
}

TEST(SynthVocabulary, RoundTripsAnyText) {
  const std::string texts[] = {
      "",
      " ",
      "Once upon a time there was a little girl.",
      "  two  spaces  ",
      "tab\tline\n\n",
      "int main() { return 0x1F; }",
      "Żółć, 日本語, 🙂",
      "<s></s><unk>",
      "The weft and the warp.",
  };
  for (const int32_t size : {354, 1024, 4000}) {
    const auto tok = tokenizer(size);
    for (const std::string& text : texts) {
      EXPECT_EQ(tok->decode(tok->encode(text, {.add_special = false}).value()), text);
    }
  }
}

TEST(SynthVocabulary, CommonWordsAreOneToken) {
  const auto tok = tokenizer(4000);
  for (const char* word : {"the", "there", "little", "because", "The", "weft"}) {
    EXPECT_EQ(tok->encode(word, {.add_special = false}).value().size(), 1u) << word;
  }
}

TEST(SynthVocabulary, EveryPieceIsWhatItsOwnTextBecomes) {
  Vocab vocab = make_vocabulary(4000).value();
  vocab.add_space_prefix = false;
  const auto tok = Tokenizer::create(vocab).value();
  int pieces = 0;
  for (int32_t id = 0; id < vocab.size(); ++id) {
    if (vocab.types[id] != TokenType::kNormal) continue;
    ++pieces;
    const auto ids = tok->encode(tok->piece(id), {.add_special = false}).value();
    ASSERT_EQ(ids, std::vector<int32_t>{id}) << vocab.tokens[id];
  }
  EXPECT_GT(pieces, 2000);
}

TEST(SynthVocabulary, BeginsWithBosAndStopsAtEos) {
  const auto tok = tokenizer(1024);
  EXPECT_EQ(tok->encode("a").value().front(), tok->vocab().bos_id);
  EXPECT_TRUE(tok->is_stop(*tok->vocab().eos_id));
}

}  // namespace
}  // namespace weft::synth
