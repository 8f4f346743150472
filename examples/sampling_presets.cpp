// What the sampling presets make of one prompt, side by side. All run together; equal seeds give
// equal texts. Usage: sampling_presets [MODEL.gguf or a name below $WEFT_MODELS]
#include <iomanip>
#include <iostream>

#include <weft/async_llm/async_llm.h>

int main(int argc, char** argv) {
  using namespace weft::llm;
  auto llm = AsyncLLM::create({.model = argc > 1 ? argv[1] : "Qwen/Qwen3-0.6B"});
  if (!llm) return std::cerr << llm.error().message << "\n", 1;

  struct Row {
    const char* name;
    SamplingParams params;
    std::future<weft::Result<GenerationOutput>> first, second;
  };
  Row rows[] = {{"default", {}},
                {"greedy", SamplingParams::greedy()},
                {"creative", SamplingParams::creative()},
                {"balanced", SamplingParams::balanced()}};
  for (Row& row : rows) {
    row.params.max_tokens = 40;
    row.params.min_tokens = 40;
    row.first = llm->generate("Once upon a time", row.params);
    ++row.params.seed;
    row.second = llm->generate("Once upon a time", row.params);
  }
  std::cout << "preset     temp  top_p  top_k  two seeds\n";
  for (Row& row : rows) {
    const auto first = row.first.get(), second = row.second.get();
    if (!first) return std::cerr << first.error().message << "\n", 1;
    if (!second) return std::cerr << second.error().message << "\n", 1;
    std::cout << std::left << std::setw(9) << row.name << std::right << std::setw(6)
              << row.params.temperature << std::setw(7) << row.params.top_p << std::setw(7)
              << row.params.top_k << "  " << first->generated_text << "\n"
              << std::string(31, ' ') << second->generated_text << "\n";
    const bool same = first->generated_text == second->generated_text;
    if (same != (row.params.temperature == 0)) return 1;  // only greedy does without chance
  }
}
