#include "tools/bench/handlers.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <iterator>
#include <thread>

#include <nlohmann/json.hpp>

#include "api/inference.h"
#include "tools/bench/report.h"

namespace weft::tools {
namespace {

using Clock = std::chrono::steady_clock;
using inference::Inference;
using inference::InferenceBuilder;
using inference::Llama;

struct Once {
  double total = 0, latency = 0;
  size_t tokens = 0;
};

double since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

Result<Once> run_once(const Llama& model, bool concurrent, int32_t requests, int32_t tokens) {
  const char* const prompts[] = {"Once upon a time", "The little dog", "In the morning",
                                 "A girl named Lily", "One day"};
  const inference::Handler handler =
      concurrent ? inference::concurrent_streaming_handler : inference::streaming_handler;
  Inference inference = InferenceBuilder<Llama>().with_model(model).build(handler);
  std::vector<inference::Job> jobs;
  const auto start = Clock::now();
  for (int32_t i = 0; i < requests; ++i) {
    jobs.push_back(inference
                       .infer({.prompt = prompts[static_cast<size_t>(i) % std::size(prompts)],
                               .max_tokens = tokens,
                               .temperature = 0.7,
                               .seed = 42 + static_cast<uint64_t>(i)})
                       .with_devices({"auto"})
                       .spawn());
  }
  std::vector<double> latencies(jobs.size());
  std::vector<Result<void>> ends(jobs.size());
  {
    std::vector<std::jthread> waiting;  // one each: requests end in any order
    for (size_t i = 0; i < jobs.size(); ++i) {
      waiting.emplace_back([&, i] {
        ends[i] = jobs[i].join();
        latencies[i] = since(start);
      });
    }
  }
  Once once;
  for (size_t i = 0; i < jobs.size(); ++i) {
    WEFT_TRY(ends[i]);
    once.total = std::max(once.total, latencies[i]);
    once.latency += latencies[i] / static_cast<double>(jobs.size());
    for ([[maybe_unused]] const auto& output : jobs[i].stream) ++once.tokens;
  }
  return once;
}

HandlerFigures figures_of(const std::vector<Once>& runs, int32_t requests, bool concurrent) {
  std::vector<double> totals, latencies;
  for (const Once& run : runs) {
    totals.push_back(run.total);
    latencies.push_back(run.latency);
  }
  const double total = median(totals);
  return {.requests = requests,
          .concurrent = concurrent,
          .total_seconds = total,
          .tokens_per_second = static_cast<double>(runs.front().tokens) / total,
          .mean_latency_seconds = median(latencies)};
}

}  // namespace

Result<std::vector<HandlerFigures>> measure_handlers(const std::shared_ptr<const Model>& model,
                                                     const EngineConfig& base,
                                                     const std::vector<int32_t>& requests,
                                                     int32_t tokens, int32_t repetitions) {
  EngineConfig config = base;
  config.max_sequences = std::max(1, *std::max_element(requests.begin(), requests.end()));
  // The second run must not find the first one's prompts.
  config.prefix_cache = false;
  WEFT_TRY_ASSIGN(const Llama llama, Llama::create(model, config));
  std::vector<HandlerFigures> rows;
  WEFT_TRY(run_once(llama, true, 1, tokens));  // brings the weights into memory
  for (const int32_t count : requests) {
    std::array<std::vector<Once>, 2> runs;  // [concurrent]
    for (int32_t r = 0; r < repetitions; ++r) {
      for (const bool concurrent : {false, true}) {
        WEFT_TRY_ASSIGN(const Once once, run_once(llama, concurrent, count, tokens));
        runs[concurrent].push_back(once);
      }
    }
    for (const bool concurrent : {false, true}) {
      rows.push_back(figures_of(runs[concurrent], count, concurrent));
    }
    rows.back().ratio = rows[rows.size() - 2].total_seconds / rows.back().total_seconds;
  }
  return rows;
}

std::string format_handlers(const std::vector<HandlerFigures>& rows, const std::string& form) {
  nlohmann::ordered_json list = nlohmann::ordered_json::array();
  std::string table =
      "| handler | requests | total s | tokens/s | mean latency s | speed-up |\n"
      "| --- | ---: | ---: | ---: | ---: | ---: |\n";
  std::string csv = "handler,requests,total_seconds,tokens_per_second,mean_latency_seconds,ratio\n";
  for (const HandlerFigures& row : rows) {
    const char* name = row.concurrent ? "concurrent" : "blocking";
    list.push_back({{"handler", name},
                    {"requests", row.requests},
                    {"total_seconds", row.total_seconds},
                    {"tokens_per_second", row.tokens_per_second},
                    {"mean_latency_seconds", row.mean_latency_seconds},
                    {"ratio", row.ratio}});
    char line[160];
    std::snprintf(line, sizeof line, "| %s | %d | %.3f | %.2f | %.3f | %.2f |\n", name,
                  row.requests, row.total_seconds, row.tokens_per_second, row.mean_latency_seconds,
                  row.ratio);
    table += line;
    std::snprintf(line, sizeof line, "%s,%d,%.6f,%.3f,%.6f,%.4f\n", name, row.requests,
                  row.total_seconds, row.tokens_per_second, row.mean_latency_seconds, row.ratio);
    csv += line;
  }
  return form == "json" ? list.dump(2) + "\n" : form == "csv" ? csv : table;
}

}  // namespace weft::tools
