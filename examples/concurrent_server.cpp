// concurrent_server MODEL: four scenes of many requests sharing one model.
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include <weft/inference.h>

using namespace weft::inference;

static void check(const weft::Result<void>& result) {
  if (result) return;
  std::fprintf(stderr, "error: %s\n", result.error().message.c_str());
  std::exit(1);
}

static Job spawn(Inference& inference, std::string prompt, int max_tokens, uint64_t seed) {
  return inference.infer({.prompt = std::move(prompt), .max_tokens = max_tokens, .seed = seed})
      .with_devices({"cpu"})
      .spawn();
}

static void print_all(const char* name, Job& job) {
  int n = 0;
  std::printf("%s: ", name);
  for (const TokenOutput& output : job.stream) {
    std::printf("%s", output.token.c_str());
    std::fflush(stdout);
    ++n;
  }
  check(job.join());
  std::printf("  [%d tokens]\n", n);
}

// Jobs that run beside each other; printed one after the other, they advance together.
static void together(Inference& inference, int n, int max_tokens, uint64_t first_seed) {
  std::vector<Job> jobs;
  for (int i = 0; i < n; ++i) {
    jobs.push_back(spawn(inference, "Story " + std::to_string(i + 1), max_tokens, first_seed + i));
  }
  for (int i = 0; i < n; ++i) print_all(("job " + std::to_string(i + 1)).c_str(), jobs[i]);
}

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: concurrent_server MODEL.gguf\n");
    return 2;
  }
  auto model = Llama::load(argv[1], "cpu");
  if (!model) check(tl::unexpected(model.error()));
  Inference inference =
      InferenceBuilder<Llama>().with_model(*model).build(concurrent_streaming_handler);

  std::printf("--- one request of 30 tokens\n");
  Job one = spawn(inference, "Once upon a time", 30, 42);
  print_all("job 1", one);

  std::printf("--- three requests of 20 tokens, interleaved\n");
  together(inference, 3, 20, 42);

  std::printf("--- cancelled after 5 of 50 tokens\n");
  Job cancelled = spawn(inference, "Tell me a long story", 50, 42);
  for (int i = 0; i < 5; ++i) {
    if (auto output = cancelled.stream.next()) std::printf("%s", output->token.c_str());
  }
  cancelled.cancel();
  const auto end = cancelled.join();  // a tiny model may have been faster than the cancel
  std::printf("  [%s]\n", end ? "was done already" : end.error().message.c_str());

  std::printf("--- ten requests of 10 tokens\n");
  together(inference, 10, 10, 100);

  const weft::EngineStats stats = model->engine().stats();
  std::printf("--- %llu tokens in %llu steps of the model\n",
              static_cast<unsigned long long>(stats.generated_tokens),
              static_cast<unsigned long long>(stats.steps));
}
