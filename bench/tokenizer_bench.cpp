// Tokenizer speed in MB/s on one thread: prose and the project's own source code, for every
// vocabulary of the test data (WEFT_TEST_DATA, or ../shared/data beside the project).
#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <memory>
#include <string>
#include <vector>

#include <benchmark/benchmark.h>

#include "bench/prose.h"
#include "core/text/tokenizer.h"
#include "gguf/file.h"
#include "gguf/vocab_loader.h"

namespace weft {
namespace {

constexpr size_t kTextSize = 3'000'000;

std::string read_sources() {
  std::string text;
  std::vector<std::filesystem::path> paths;
  for (const char* folder : {"core", "gguf", "kernels", "scheduler", "api", "tools", "tests"}) {
    const auto root = std::filesystem::path(WEFT_SOURCE_DIR) / folder;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(root)) {
      if (entry.path().extension() == ".cpp" || entry.path().extension() == ".h") {
        paths.push_back(entry.path());
      }
    }
  }
  std::sort(paths.begin(), paths.end());
  for (const auto& path : paths) {
    std::ifstream file(path, std::ios::binary);
    text.append(std::istreambuf_iterator<char>(file), {});
    if (text.size() > kTextSize) break;
  }
  return text;
}

std::shared_ptr<const Tokenizer> load(const std::string& path) {
  const auto file = gguf::File::open(path);
  if (!file) return nullptr;
  auto vocab = gguf::load_vocab(file->metadata());
  if (!vocab) return nullptr;
  auto tokenizer = Tokenizer::create(std::move(*vocab));
  return tokenizer ? std::move(*tokenizer) : nullptr;
}

void encode(benchmark::State& state, const Tokenizer& tokenizer, const std::string& text) {
  size_t num_tokens = 0;
  for (auto _ : state) {
    const auto ids = tokenizer.encode(text);
    num_tokens = ids->size();
    benchmark::DoNotOptimize(num_tokens);
  }
  const auto bytes = static_cast<double>(text.size()) * static_cast<double>(state.iterations());
  state.counters["MB/s"] = benchmark::Counter(bytes / 1e6, benchmark::Counter::kIsRate);
  state.counters["bytes/token"] = static_cast<double>(text.size()) / num_tokens;
}

void decode(benchmark::State& state, const Tokenizer& tokenizer, const std::string& text) {
  const auto ids = tokenizer.encode(text);
  for (auto _ : state) benchmark::DoNotOptimize(tokenizer.decode(*ids).size());
  const auto bytes = static_cast<double>(text.size()) * static_cast<double>(state.iterations());
  state.counters["MB/s"] = benchmark::Counter(bytes / 1e6, benchmark::Counter::kIsRate);
}

}  // namespace
}  // namespace weft

int main(int argc, char** argv) {
  using namespace weft;
  const char* given = std::getenv("WEFT_TEST_DATA");
  const std::filesystem::path data =
      given ? std::filesystem::path(given)
            : std::filesystem::path(WEFT_SOURCE_DIR) / "../shared/data";
  const std::string prose = bench::make_prose(kTextSize);
  const std::string sources = read_sources();
  for (const char* name : {"llama-spm", "gpt-2", "llama3", "qwen2"}) {
    const auto path = data / "vocab" / ("vocab-" + std::string(name) + ".gguf");
    const std::shared_ptr<const Tokenizer> tokenizer = load(path.string());
    if (!tokenizer) {
      std::cerr << path.string() << ": no vocabulary there, left out\n";
      continue;
    }
    const auto add = [&](const char* what, auto* body, const std::string& text) {
      benchmark::RegisterBenchmark(
          (std::string(what) + "/" + name).c_str(),
          [tokenizer, body, &text](benchmark::State& state) { body(state, *tokenizer, text); });
    };
    add("encode_prose", encode, prose);
    add("encode_source_code", encode, sources);
    add("decode_prose", decode, prose);
  }
  benchmark::Initialize(&argc, argv);
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
