#include "tests/async/async_support.h"

#include <algorithm>
#include <span>

#include "tests/support/model_file.h"
#include "tests/support/temp_folder.h"

namespace weft::async {
namespace {

// ThreadSanitizer has a thread of its own, which comes with the first of ours: before any counting.
[[maybe_unused]] const bool first_thread_was_started = [] {
  std::thread([] {}).join();
  return true;
}();

// Logits far apart, and that of the stop token in their middle: far below the likely ones.
void make_endless(test::TestModel& model, int32_t stop_id, int32_t n_embd) {
  const auto bytes = model.tensors.output.bytes;
  const std::span<float> weights(
      const_cast<float*>(reinterpret_cast<const float*>(bytes.data())),  // NOLINT: our own storage
      bytes.size() / sizeof(float));
  for (float& weight : weights) weight *= 16;
  std::ranges::fill(weights.subspan(static_cast<size_t>(stop_id * n_embd), n_embd), 0.0f);
}

}  // namespace

std::string endless_path() {
  static const test::TempFolder folder;
  static const std::string path = [] {
    const test::TestModelSpec spec{.n_layers = 4,
                                   .n_embd = 128,
                                   .n_heads = 8,
                                   .n_kv_heads = 4,
                                   .head_dim = 16,
                                   .ffn_dim = 256,
                                   .n_vocab = 96};
    test::TestModel model = test::make_test_model(spec);
    const Vocab vocab = test::character_vocab(spec.n_vocab);
    make_endless(model, *vocab.eos_id, spec.n_embd);
    const std::string file = folder.path("endless.gguf");
    const auto written = test::write_model_file(file, model, vocab);
    EXPECT_TRUE(written) << written.error().message;
    return file;
  }();
  return path;
}

}  // namespace weft::async
