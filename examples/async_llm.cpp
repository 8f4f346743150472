// AsyncLLM: a future, a number to ask with later, a stream, and a batch; no event loop anywhere.
// Usage: async_llm [MODEL.gguf or a name below $WEFT_MODELS]
#include <iostream>

#include <weft/async_llm/async_llm.h>

int main(int argc, char** argv) {
  using namespace weft::llm;
  auto llm = AsyncLLM::create({.model = argc > 1 ? argv[1] : "Qwen/Qwen3-0.6B"});
  if (!llm) return std::cerr << llm.error().message << "\n", 1;

  // Both are under way from here on, and share every forward pass.
  auto answer = llm->generate("Hello", SamplingParams::greedy());
  const auto id = llm->submit_request("Tell me a story", SamplingParams::balanced(),
                                      {.priority = weft::Priority::kHigh});
  if (!id) return std::cerr << id.error().message << "\n", 1;

  const auto output = answer.get();
  if (!output) return std::cerr << output.error().message << "\n", 1;
  std::cout << "request " << output->request_id << ": " << output->tokens_generated << " tokens in "
            << output->block_indices.size() << " blocks of KV: " << output->generated_text << "\n";

  const auto story = llm->get_result(*id).get();
  if (!story) return std::cerr << story.error().message << "\n", 1;
  std::cout << "request " << story->request_id << ": " << story->generated_text << "\n";

  Stream stream = llm->generate_stream("Count:", {.temperature = 0, .max_tokens = 20});
  for (auto token = stream.next(); token && *token; token = stream.next()) {
    std::cout << (*token)->token << std::flush;
    if ((*token)->finished) std::cout << " (" << (*token)->tokens_generated << " tokens)\n";
  }

  // Twelve prompts, never more than three of them under way.
  std::vector<std::string> prompts;
  for (int i = 0; i < 12; ++i) prompts.push_back("Question " + std::to_string(i) + ":");
  const auto answers = llm->generate_batch(prompts, {.max_tokens = 8}, 3).get();
  for (const auto& one : answers) {
    if (!one) return std::cerr << one.error().message << "\n", 1;
  }
  std::cout << answers[11]->prompt << " " << answers[11]->generated_text << "\n";

  const AsyncLLMStats stats = llm->get_stats();
  std::cout << stats.completed << " of " << stats.submitted << " requests, "
            << stats.generated_tokens << " tokens, " << stats.blocks_total << " blocks\n";
  return stats.completed == 15 ? 0 : 1;
}  // What is still pending ends here.
