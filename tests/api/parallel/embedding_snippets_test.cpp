// The snippets of docs/embedding.md on ParallelProcessor, as they stand there; EmbeddingGuide.* in
// tests/tools holds the page to them.
#include <iostream>

#include "tests/api/parallel/support.h"

namespace weft::parallel {
namespace {

TEST(EmbeddingGuideParallel, Batches) {
  std::optional model = mini_model();
  const auto prompts = numbered(5);
  auto processor =
      ParallelProcessor::builder(*model).thread_pool({.num_threads = 2}).max_batch_size(32).build();
  auto results = processor->batch_generate(
      prompts, {.max_tokens = 50, .timeout_ms = 30000, .retry_attempts = 2});
  for (const GenerationResult& result : *results) {
    std::cout << (result.success ? result.text : result.error->message) << "\n";
  }
  EXPECT_EQ(results->size(), 5u);
}

TEST(EmbeddingGuideParallel, WorkOfOnesOwn) {
  std::optional model = mini_model();
  auto processor = ParallelProcessor::builder(*model).build();
  const std::vector<std::string> texts = numbered(5);
  auto answers =
      processor->parallel_process(texts, [&](const std::string& text) -> weft::Result<std::string> {
        WEFT_TRY_ASSIGN(auto context, weft::Context::create(*model, {.n_ctx = 512}));
        WEFT_TRY_ASSIGN(auto generation, context->generate(text, {.max_tokens = 20}));
        return generation.text;
      });
  EXPECT_EQ(answers->size(), 5u);
}

TEST(EmbeddingGuideParallel, Threads) {
  std::optional model = mini_model();
  auto processor = ParallelProcessor::builder(*model)
                       .thread_pool({.num_threads = 2, .cpu_affinity = {0, 1}})
                       .build();
  if (!processor) std::cerr << processor.error().message << "\n";
}

}  // namespace
}  // namespace weft::parallel
