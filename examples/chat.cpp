// A talk of two questions through the model's own chat template, each answer as it is made. What
// was said before is found in the cache and not computed again. Usage: chat [MODEL.gguf]
#include <iostream>

#include <weft/engine.h>
#include <weft/model.h>

int main(int argc, char** argv) {
  auto model = weft::Model::load(argc > 1 ? argv[1] : "model.gguf");
  if (!model) return std::cerr << model.error().message << "\n", 1;
  auto engine = weft::Engine::create(*model);
  if (!engine) return std::cerr << engine.error().message << "\n", 1;

  std::vector<weft::ChatMessage> talk = {{"system", "You answer in one sentence."}};
  for (const char* question : {"Who are you?", "And what can you do?"}) {
    talk.push_back({"user", question});
    auto answer = (*engine)->chat(talk, {.max_tokens = 64});
    if (!answer) return std::cerr << answer.error().message << "\n", 1;
    std::cout << "> " << question << "\n";
    std::string text;
    while (true) {
      auto token = answer->next();
      if (!token) return std::cerr << token.error().message << "\n", 1;
      if (!*token) break;
      text += (*token)->text;
      std::cout << (*token)->text << std::flush;
    }
    const weft::Usage usage = answer->usage();
    std::cout << "\n(" << usage.prompt_tokens << " tokens asked, " << usage.cached_tokens
              << " of them known; " << usage.completion_tokens << " answered)\n";
    talk.push_back({"assistant", text});
  }
}
