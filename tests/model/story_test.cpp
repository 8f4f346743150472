// A small model that somebody trained tells its story: text to ids, greedy decoding, ids to text.
#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "core/text/tokenizer.h"
#include "scheduler/model_runner.h"
#include "tests/model/isa_test.h"
#include "tests/support/model_file.h"
#include "tests/support/step_driver.h"
#include "tests/support/test_data.h"

namespace weft::test {
namespace {

class Story : public IsaTest {};

// The most likely next id.
class Greedy : public LogitSink {
 public:
  void consume(Backend& backend, int64_t, Mat logits) override {
    std::vector<float> row(logits.cols);
    backend.download(row.data(), logits.row(logits.rows - 1), row.size() * sizeof(float));
    best = static_cast<int32_t>(std::max_element(row.begin(), row.end()) - row.begin());
  }
  int32_t best = -1;
};

TEST_P(Story, GoesOnAsItIsKnownTo) {
  const std::string file = "models/stories260K.gguf";
  WEFT_NEED_TEST_DATA(file);
  auto loaded = load_model_file((test_data_folder() / file).string());
  ASSERT_TRUE(loaded.has_value()) << loaded.error().message;
  const auto tokenizer = Tokenizer::create(std::move(loaded->vocab));
  ASSERT_TRUE(tokenizer.has_value()) << tokenizer.error().message;
  const auto ids = (*tokenizer)->encode("Once upon a time");
  ASSERT_TRUE(ids.has_value()) << ids.error().message;
  EXPECT_EQ(*ids, (std::vector<int32_t>{1, 403, 407, 261, 378}));

  const std::shared_ptr<Backend> backend = make_cpu_backend(isa());
  const auto runner = ModelRunner::create(make_decoder({loaded->config, loaded->tensors}, *backend),
                                          backend, {.max_tokens = 16}, {.num_blocks = 8});
  ASSERT_TRUE(runner.has_value()) << runner.error().message;
  const std::string expected =
      ", there was a little girl named Lily. She loved to play outside in the park. "
      "One day, she saw a big, red ball";
  DetokenizerStream stream(**tokenizer);
  std::string told;
  Sequence sequence{.ids = *ids};
  while (told.size() < expected.size()) {
    const auto left = static_cast<int32_t>(std::ssize(sequence.ids) - sequence.num_computed);
    Greedy greedy;
    const SequenceStep step{.sequence = &sequence, .num_tokens = left, .num_logits = 1};
    const auto ran = (*runner)->run({&step, 1}, &greedy);
    ASSERT_TRUE(ran.has_value()) << ran.error().message;
    sequence.ids.push_back(greedy.best);
    told += stream.push(greedy.best);
  }
  EXPECT_EQ(told, expected);
}

INSTANTIATE_TEST_SUITE_P(Cpu, Story, testing::ValuesIn(cpu_isas()), isa_name);

}  // namespace
}  // namespace weft::test
