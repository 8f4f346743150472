// `infer bench`: the rows it prints, and what they claim a step must read and compute.
#include <algorithm>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "core/cpu_features.h"
#include "core/model/decoder.h"
#include "kernels/cpu/dispatch.h"
#include "tests/tools/program.h"
#include "tools/bench/measure.h"
#include "tools/bench/report.h"
#include "tools/bench/step_cost.h"

namespace weft {
namespace {

using nlohmann::json;
using test::run_infer;

const std::string kModel = WEFT_SOURCE_DIR "/tests/fixtures/weft-mini-llama-F32.gguf";

TEST(Bench, RowsCarryWhatAReaderComparesBy) {
  const auto ran = run_infer({"bench", kModel, "-p", "20", "-n", "12", "-r", "2", "--concurrency",
                              "1,3", "--depth", "0,32", "--threads", "1", "-o", "json"});
  ASSERT_EQ(ran.exit_code, 0) << ran.err;
  const json rows = json::parse(ran.out);
  std::vector<std::string> tests;
  std::set<std::string> probes;
  for (const json& row : rows) {
    EXPECT_EQ(row["threads"], 1);
    EXPECT_GT(row["peak_rss_bytes"], 0);
    if (row["test"].get<std::string>().starts_with("probe:")) {
      probes.insert(row["test"].get<std::string>().substr(6));
      continue;
    }
    tests.push_back(row["test"]);
    for (const char* field : {"model", "type", "isa", "activations"}) {
      EXPECT_FALSE(row[field].is_null()) << row["test"] << " " << field;
    }
    EXPECT_EQ(row["type"], "F32");
    for (const char* field : {"tokens_per_second", "gb_per_second", "flops_per_second",
                              "percent_of_limit", "weights_gb_per_second"}) {
      EXPECT_GT(row[field].get<double>(), 0) << row["test"] << " " << field;
    }
    EXPECT_GE(row["tokens_per_second_stddev"].get<double>(), 0);
    EXPECT_EQ(row["logits_hash"], rows[0]["logits_hash"]);
  }
  EXPECT_EQ(tests, (std::vector<std::string>{"pp20", "pp20@d32", "tg12", "tg12@3", "tg12@d32",
                                             "tg12@3@d32"}));
  EXPECT_TRUE(probes.contains("dram_read"));
  for (size_t i = 0; i < tests.size(); ++i) EXPECT_TRUE(probes.contains(rows[i]["limit"]));
  // The first of several requests gives what it gives alone.
  EXPECT_EQ(rows[2]["ids_hash"], rows[3]["ids_hash"]);
  EXPECT_EQ(rows[4]["ids_hash"], rows[5]["ids_hash"]);
  EXPECT_NE(rows[2]["ids_hash"], rows[4]["ids_hash"]);
}

TEST(Bench, TableAndCsvHaveTheSameRows) {
  for (const std::string form : {"md", "csv"}) {
    const auto ran = run_infer({"bench", kModel, "-p", "5", "-n", "4", "-r", "1", "-o", form});
    ASSERT_EQ(ran.exit_code, 0) << ran.err;
    for (const char* name : {"pp5", "tg4", "probe:dram_read", "probe:fma_f32"}) {
      EXPECT_NE(ran.out.find(name), std::string::npos) << ran.out;
    }
  }
}

TEST(Bench, EveryInstructionSetAndModeHasItsRows) {
  const auto ran =
      run_infer({"bench", kModel, "-p", "3", "-n", "2", "-r", "1", "-t", "1", "--isa", "all",
                 "--activations", "f32,auto", "--kv-type", "f32", "-o", "json"});
  ASSERT_EQ(ran.exit_code, 0) << ran.err;
  std::vector<std::string> isas;
  std::set<std::string> f32_hashes;
  for (const json& row : json::parse(ran.out)) {
    if (row["test"] != "pp3") continue;
    isas.push_back(row["isa"]);
    // A model of float32 weights has no other mode, and every kernel set has the same bits.
    f32_hashes.insert(row["logits_hash"]);
  }
  std::vector<std::string> wanted;
  for (const cpu::KernelTable* table : cpu::all_tables()) {
    if (!table->supported(detect_cpu_features())) continue;
    wanted.insert(wanted.end(), 2, table->isa);
  }
  EXPECT_EQ(isas, wanted);
  EXPECT_EQ(f32_hashes.size(), 1u);
}

TEST(Bench, HandlersTakeOneWayOfComputing) {
  const auto ran = run_infer({"bench", kModel, "--handlers", "--isa", "all"});
  EXPECT_EQ(ran.exit_code, 1);
  EXPECT_NE(ran.err.find("--handlers"), std::string::npos);
}

TEST(Bench, ProbesNeedNoModel) {
  const auto ran = run_infer({"bench", "--probe", "-t", "3", "-o", "json"});
  ASSERT_EQ(ran.exit_code, 0) << ran.err;
  std::vector<int> threads;
  for (const json& row : json::parse(ran.out)) {
    ASSERT_TRUE(row["test"].get<std::string>().starts_with("probe:"));
    EXPECT_TRUE(row["model"].is_null());
    if (row["test"] == "probe:dram_read") {
      threads.push_back(row["threads"]);
      EXPECT_GT(row["gb_per_second"].get<double>(), 0);
    } else {
      EXPECT_GT(row["flops_per_second"].get<double>(), 0) << row["test"];
    }
  }
  EXPECT_EQ(threads, (std::vector<int>{1, 2, 3}));
  EXPECT_EQ(run_infer({"bench"}).exit_code, 2);
}

// Where there is a GPU, what it can do; else what is missing.
TEST(Bench, ProbesOfAGpuOrWhyThereAreNone) {
  const auto ran = run_infer({"bench", "--probe", "--device", "cuda", "-o", "json"});
  if (ran.exit_code == 0) {
    const json rows = json::parse(ran.out);
    ASSERT_EQ(rows.size(), 2u);
    EXPECT_EQ(rows[0]["test"], "probe:device_read");
    EXPECT_EQ(rows[1]["test"], "probe:tensor_f16");
    return;
  }
  EXPECT_EQ(ran.exit_code, 1);
  EXPECT_NE(ran.err.find("device cuda: "), std::string::npos) << ran.err;
}

// By the definitions of the instructions: twice the multiplications in registers twice as wide.
TEST(Bench, TheLimitOfAPromptIsWhatItsKernelsMultiplyWith) {
  cpu::Peaks peaks;
  peaks.all = {{"dram_read", true, 50e9},
               {"fma_f32_avx2", false, 1e9},
               {"dot_i16_avx2", false, 2e9},
               {"dot_i16_avx512", false, 4e9},
               {"amx_bf16", false, 9e9}};
  peaks.read_bytes_per_s = 50e9;
  EXPECT_EQ(peaks.compute_limit("avx2", "f32", false), "fma_f32_avx2");
  EXPECT_EQ(peaks.compute_limit("avx2", "i16", false), "dot_i16_avx2");
  EXPECT_EQ(peaks.compute_limit("avx512", "i16", false), "dot_i16_avx512");
  EXPECT_EQ(peaks.compute_limit("amx", "bf16", false), "amx_bf16");
  EXPECT_EQ(peaks.compute_limit("avx512", "i16", true), "fma_f32_avx2");
  EXPECT_EQ(peaks.compute_limit("amx", "bf16", true), "amx_bf16");
  // Kernels without a probe of their own, and a probe that this machine does not have.
  EXPECT_EQ(peaks.compute_limit("scalar", "f32", false), "fma_f32_avx2");
  EXPECT_EQ(peaks.compute_limit("avx512", "bf16", false), "fma_f32_avx2");
  EXPECT_EQ(peaks.compute_limit("amx", "f32", false), "fma_f32_avx2");
  peaks.all.push_back({"fma_f32_avx512", false, 3e9});
  EXPECT_EQ(peaks.compute_limit("amx", "f32", false), "fma_f32_avx512");
  EXPECT_EQ(peaks.compute_limit("avx512", "i16", true), "fma_f32_avx512");

  cpu::Peaks gpu;
  gpu.all = {{"device_read", true, 4e12}, {"tensor_f16", false, 8e14}};
  gpu.read_bytes_per_s = 4e12;
  EXPECT_EQ(gpu.compute_limit("NVIDIA H200", "f16", false), "tensor_f16");

  tools::BenchRow row{.isa = "avx2", .activations = "i16"};
  const tools::Measured computing = {
      .tokens_per_second = {1, 3}, .seconds = {1, 4, 2}, .cost = {.bytes = 5e9, .flops = 1e9}};
  tools::set_rates(row, {.type = "Q4_0"}, computing, peaks);
  EXPECT_EQ(row.limit, "dot_i16_avx2");
  EXPECT_DOUBLE_EQ(row.percent_of_limit, 25);  // half a second of two
  EXPECT_DOUBLE_EQ(row.tokens_per_second, 2);
  const tools::Measured reading = {
      .tokens_per_second = {1}, .seconds = {2}, .cost = {.bytes = 75e9, .flops = 1e9}};
  row = {.isa = "avx2", .activations = "i16"};
  tools::set_rates(row, {.type = "Q4_0"}, reading, peaks);
  EXPECT_EQ(row.limit, "dram_read");
  EXPECT_DOUBLE_EQ(row.percent_of_limit, 75);
  tools::set_rates(row, {.type = "Q4_0"}, reading, gpu);
  EXPECT_EQ(row.limit, "device_read");
  // The rate beside each repetition goes before the peak's: 1.5, 1 and 3 seconds of reading.
  const tools::Measured beside = {.tokens_per_second = {1, 1, 1},
                                  .seconds = {2, 4, 5},
                                  .read_bytes_per_second = {50e9, 75e9, 25e9},
                                  .cost = {.bytes = 75e9, .flops = 1e9}};
  tools::set_rates(row, {.type = "Q4_0"}, beside, peaks);
  EXPECT_EQ(row.limit, "dram_read");
  EXPECT_DOUBLE_EQ(row.percent_of_limit, 60);  // of 75, 25 and 60
  EXPECT_DOUBLE_EQ(row.weights_gb_per_second, 50);
}

TEST(Bench, HandlersAreComparedInOneRun) {
  const auto ran =
      run_infer({"bench", kModel, "--handlers", "--concurrency", "1,3", "-r", "1", "-o", "json"});
  ASSERT_EQ(ran.exit_code, 0) << ran.err;
  const json rows = json::parse(ran.out);
  ASSERT_EQ(rows.size(), 4u);
  EXPECT_EQ(rows[0]["handler"], "blocking");
  EXPECT_EQ(rows[3]["handler"], "concurrent");
  EXPECT_EQ(rows[3]["requests"], 3);
  EXPECT_DOUBLE_EQ(rows[3]["ratio"].get<double>(),
                   rows[2]["total_seconds"].get<double>() / rows[3]["total_seconds"].get<double>());
}

// The rows of a test by their names, each with the fields that all rows have.
std::map<std::string, json> rows_of(const std::vector<std::string>& arguments) {
  const auto ran = run_infer(arguments);
  EXPECT_EQ(ran.exit_code, 0) << ran.err;
  std::map<std::string, json> rows;
  for (const json& row : json::parse(ran.out, nullptr, false)) {
    for (const char* field : {"model", "type", "threads", "isa", "peak_rss_bytes", "logits_hash"}) {
      EXPECT_FALSE(row[field].is_null()) << row["test"] << " " << field;
    }
    EXPECT_GT(row["tokens_per_second"].get<double>(), 0) << row["test"];
    rows[row["test"]] = row;
  }
  return rows;
}

TEST(Bench, StallComparesStreamsAndPromptsTogetherWithEachAlone) {
  auto rows = rows_of({"bench", kModel, "--stall", "-p", "300", "-n", "24", "--concurrency", "3",
                       "-r", "2", "-o", "json"});
  ASSERT_EQ(rows.size(), 4u);
  const json prompts = rows["stall:pp300"], streams = rows["stall:tg24@3"],
             disturbed = rows["stall:tg24@3+pp300"], beside = rows["stall:pp300+tg24@3"];
  for (const json& row : {streams, disturbed}) {
    EXPECT_GT(row["p50_ms"].get<double>(), 0);
    EXPECT_GE(row["p99_ms"], row["p50_ms"]);
    EXPECT_DOUBLE_EQ(row["p99_over_p50_alone"].get<double>(),
                     row["p99_ms"].get<double>() / streams["p50_ms"].get<double>());
    EXPECT_TRUE(row["ttft_ms"].is_null());
  }
  for (const json& row : {prompts, beside}) {
    EXPECT_GT(row["ttft_ms"].get<double>(), 0);
    EXPECT_TRUE(row["p50_ms"].is_null());
  }
  EXPECT_GT(beside["share_of_rate_alone"].get<double>(), 0);
}

TEST(Bench, PrefixComparesASharedPromptWithANewOne) {
  auto rows = rows_of({"bench", kModel, "--prefix", "-p", "400,640", "-r", "3", "-o", "json"});
  ASSERT_EQ(rows.size(), 4u);
  const json cold = rows["prefix:pp640"], shared = rows["prefix:pp640@95%"];
  EXPECT_EQ(cold["cached_tokens"], 0);
  EXPECT_EQ(shared["cached_tokens"], 608);  // whole blocks of 16
  EXPECT_DOUBLE_EQ(shared["ttft_over_cold"].get<double>(),
                   shared["ttft_ms"].get<double>() / cold["ttft_ms"].get<double>());
  EXPECT_TRUE(cold["ttft_over_cold"].is_null());
  EXPECT_EQ(rows["prefix:pp400@95%"]["cached_tokens"], 368);  // of 380
}

TEST(Bench, FiguresOfServingAreInTheTableAndInCsv) {
  for (const std::string form : {"md", "csv"}) {
    const auto ran = run_infer(
        {"bench", kModel, "--stall", "--prefix", "-p", "64", "-n", "8", "-r", "1", "-o", form});
    ASSERT_EQ(ran.exit_code, 0) << ran.err;
    for (const char* name : {"stall:pp64", "stall:tg8@4+pp64", "prefix:pp64@95%", "p99_ms",
                             "share_of_rate_alone", "ttft_over_cold"}) {
      EXPECT_NE(ran.out.find(name), std::string::npos) << ran.out;
    }
    // Every line has as many fields.
    std::istringstream lines(ran.out);
    std::string line;
    ptrdiff_t fields = -1;
    while (std::getline(lines, line) && !line.empty()) {
      const auto n = std::ranges::count(line, form == "md" ? '|' : ',');
      if (fields < 0) fields = n;
      EXPECT_EQ(n, fields) << line;
    }
  }
}

TEST(Bench, StepsReadWeightsOnceAndEachSequencesKv) {
  const auto model = Model::load(kModel).value();
  const auto costs = tools::StepCosts::of(kModel, *model, "f32").value();
  const auto one = costs.step({.sequences = 1, .tokens = 1, .from = 0});
  const auto eight = costs.step({.sequences = 8, .tokens = 1, .from = 0});
  const auto later = costs.step({.sequences = 1, .tokens = 1, .from = 100});
  double kv_bytes = 0, attention = 0;  // of one token and one position
  for (const LayerConfig& layer : model->decoder()->config().layers) {
    kv_bytes += 2.0 * layer.n_kv_heads * layer.head_dim * sizeof(float);
    attention += 4.0 * layer.n_heads * layer.head_dim;
  }
  EXPECT_DOUBLE_EQ(eight.bytes - one.bytes, 7 * kv_bytes);
  EXPECT_DOUBLE_EQ(later.bytes - one.bytes, 100 * kv_bytes);
  EXPECT_DOUBLE_EQ(eight.flops, 8 * one.flops);
  EXPECT_DOUBLE_EQ(later.flops - one.flops, 100 * attention);
  // Every weight but the rows of the embedding that are not looked up, two operations each.
  EXPECT_LT(one.bytes, static_cast<double>(model->info().size_bytes) + kv_bytes);
  EXPECT_LT(one.flops, 2.0 * static_cast<double>(model->info().n_params) + attention);
  // A chunk of a prompt is its tokens one by one, but for the head and for reading the weights.
  const auto chunk = costs.step({.sequences = 1, .tokens = 2, .from = 0});
  const auto second = costs.step({.sequences = 1, .tokens = 1, .from = 1});
  EXPECT_LT(chunk.flops, one.flops + second.flops);
  EXPECT_DOUBLE_EQ(chunk.bytes, second.bytes);
}

TEST(Bench, CasesAreNamedAsOthersNameThem) {
  using tools::BenchCase;
  EXPECT_EQ((BenchCase{.tokens = 512}.name()), "pp512");
  EXPECT_EQ((BenchCase{.kind = BenchCase::Kind::kGenerate, .tokens = 128, .concurrency = 8}.name()),
            "tg128@8");
  EXPECT_EQ((BenchCase{.tokens = 512, .depth = 4096}.name()), "pp512@d4096");
}

}  // namespace
}  // namespace weft
