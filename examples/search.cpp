// Search in a text file, by meaning as the model sees it: one vector a line finds candidates, late
// interaction (MaxSim), one vector a token, ranks them. Usage: search [MODEL.gguf] [FILE] [QUERY]
#include <algorithm>
#include <fstream>
#include <iostream>

#include <weft/engine.h>
#include <weft/rank/maxsim.h>

int main(int argc, char** argv) {
  auto model = weft::Model::load(argc > 1 ? argv[1] : "model.gguf");
  if (!model) return std::cerr << model.error().message << "\n", 1;
  auto engine = weft::Engine::create(*model);
  if (!engine) return std::cerr << engine.error().message << "\n", 1;

  std::vector<std::string> lines;
  std::ifstream file(argc > 2 ? argv[2] : "search.cpp");
  for (std::string line; std::getline(file, line);) {
    if (!line.empty()) lines.push_back(line);
  }
  const std::string query = argc > 3 ? argv[3] : "#include <algorithm>";

  // All lines share the steps of the engine; the bits of each are those it has alone.
  auto vectors = (*engine)->embed(lines, {.pooling = weft::Pooling::kMean});
  auto wanted = (*engine)->embed({&query, 1}, {.pooling = weft::Pooling::kMean});
  if (!vectors || !wanted) return std::cerr << "the lines cannot be embedded\n", 1;

  // Vectors have length 1: a dot product is the cosine. The fifty nearest are candidates.
  std::vector<weft::rank::Vectors> sets;
  for (const auto& vector : *vectors) {
    sets.emplace_back(vector, static_cast<int64_t>(vector.size()));
  }
  const weft::rank::Vectors one(wanted->front(), static_cast<int64_t>(wanted->front().size()));
  auto candidates = weft::rank::find_top_k(one, sets, 50);
  if (!candidates) return std::cerr << candidates.error().message << "\n", 1;
  std::vector<std::string> few;
  for (const auto& candidate : *candidates) few.push_back(lines[candidate.index]);

  // Each token of the query finds the token that answers it best.
  auto documents = (*engine)->embed_tokens(few);
  auto question = (*engine)->embed_tokens({&query, 1});
  if (!documents || !question) return std::cerr << "the candidates cannot be embedded\n", 1;
  const std::vector<weft::rank::Vectors> pages(documents->begin(), documents->end());
  auto best = weft::rank::find_top_k(question->front(), pages, 3, {.normalize = true});
  if (!best) return std::cerr << best.error().message << "\n", 1;
  for (const auto& [index, score] : *best) std::cout << score << "  " << few[index] << "\n";
  return !best->empty() && (argc > 3 || few[best->front().index] == query) ? 0 : 1;
}
