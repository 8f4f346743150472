// A hundred prompts at once, in batches of 32 that share every forward pass. One of them is too
// long and fails; the others do not notice. Usage: parallel_batch [MODEL.gguf]
#include <iostream>

#include <weft/parallel/parallel_processor.h>

int main(int argc, char** argv) {
  using namespace weft::parallel;
  auto model = weft::Model::load(argc > 1 ? argv[1] : "model.gguf");
  if (!model) return std::cerr << model.error().message << "\n", 1;

  auto processor = ParallelProcessor::builder(*model)
                       .thread_pool({.num_threads = 2, .work_stealing = true})
                       .max_batch_size(32)
                       .enable_metrics()
                       .build();
  if (!processor) return std::cerr << processor.error().message << "\n", 1;

  std::vector<std::string> prompts;
  for (int i = 0; i < 100; ++i) prompts.push_back("Fact number " + std::to_string(i) + ":");
  prompts[42] = std::string(100000, '?');

  const BatchGenerationConfig config = {.max_tokens = 20,
                                        .temperature = 0.7f,
                                        .timeout_ms = 60000,  // for each prompt
                                        .retry_attempts = 1};
  auto results = processor->batch_generate(prompts, config);
  if (!results) return std::cerr << results.error().message << "\n", 1;

  for (const size_t i : {0, 1, 42, 99}) {
    const GenerationResult& result = (*results)[i];
    if (result.success) {
      std::cout << i << ": " << result.tokens_generated << " tokens: " << result.text << "\n";
    } else {
      std::cout << i << ": failed " << result.attempts << " times: " << result.error->message
                << "\n";
    }
  }

  // The same threads for work of your own: what f returns, in the order of the items.
  auto lengths = processor->parallel_process(prompts, [&](const std::string& prompt) {
    return (*model)->tokenize(prompt).value().size();
  });
  std::cout << "tokens of the last prompt: " << lengths->back() << "\n";

  const ParallelStats stats = processor->stats();
  std::cout << stats.items_processed << " prompts in " << stats.batches_processed << " batches, "
            << stats.items_per_second << " a second\n";
  return stats.batches_processed == 4 && lengths->size() == 100 ? 0 : 1;
}
