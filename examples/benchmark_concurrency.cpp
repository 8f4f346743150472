// benchmark_concurrency MODEL: five prompts of 30 tokens through the blocking and the concurrent
// handler, measured in this run.
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <thread>
#include <vector>

#include <weft/inference.h>

using namespace weft::inference;
using Clock = std::chrono::steady_clock;

struct Figures {
  double total = 0;         // seconds until the last request is done
  double mean_latency = 0;  // seconds from the start to a request's end
  size_t tokens = 0;
};

static double since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

template <class Handler>
static Figures measure(const Llama& model, Handler handler) {
  const char* const prompts[] = {"Once upon a time", "The little dog", "In the morning",
                                 "A girl named Lily", "One day"};
  Inference inference = InferenceBuilder<Llama>().with_model(model).build(handler);
  const Clock::time_point start = Clock::now();
  std::vector<Job> jobs;
  for (const char* prompt : prompts) {
    jobs.push_back(inference.infer({.prompt = prompt, .max_tokens = 30, .temperature = 0.7})
                       .with_devices({"cpu"})
                       .spawn());
  }
  std::vector<double> latency(jobs.size());
  std::vector<std::jthread> waiting;  // one each: requests end in any order
  for (size_t i = 0; i < jobs.size(); ++i) {
    waiting.emplace_back([&, i] {
      if (const auto done = jobs[i].join(); !done) {
        std::fprintf(stderr, "error: %s\n", done.error().message.c_str());
        std::exit(1);
      }
      latency[i] = since(start);
    });
  }
  waiting.clear();
  Figures figures{.total = since(start)};
  for (size_t i = 0; i < jobs.size(); ++i) {
    for ([[maybe_unused]] const TokenOutput& output : jobs[i].stream) ++figures.tokens;
    figures.mean_latency += latency[i] / static_cast<double>(jobs.size());
  }
  return figures;
}

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: benchmark_concurrency MODEL.gguf\n");
    return 2;
  }
  // Without the prefix cache: the second run must not find the first one's prompts.
  const auto model = Llama::load(argv[1], "cpu", {.prefix_cache = false});
  if (!model) {
    std::fprintf(stderr, "error: %s\n", model.error().message.c_str());
    return 1;
  }
  measure(*model, streaming_handler);  // brings the weights into memory
  const Figures blocking = measure(*model, streaming_handler);
  const Figures concurrent = measure(*model, concurrent_streaming_handler);
  std::printf("handler      total s   tokens   tokens/s   mean latency s\n");
  for (const auto& [name, f] : {std::pair{"blocking", blocking}, {"concurrent", concurrent}}) {
    std::printf("%-10s %9.3f %8zu %10.1f %16.3f\n", name, f.total, f.tokens,
                static_cast<double>(f.tokens) / f.total, f.mean_latency);
  }
  std::printf("ratio      %8.2fx\n", blocking.total / concurrent.total);
}
