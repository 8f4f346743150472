// `infer bench`: the rows it prints, and what they claim a step must read and compute.
#include <sstream>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "core/model/decoder.h"
#include "tests/tools/program.h"
#include "tools/bench/measure.h"
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
  for (const json& row : rows) {
    tests.push_back(row["test"]);
    for (const char* field : {"model", "type", "threads", "isa", "activations", "peak_rss_bytes"}) {
      EXPECT_FALSE(row[field].is_null()) << row["test"] << " " << field;
    }
    EXPECT_EQ(row["threads"], 1);
    EXPECT_EQ(row["type"], "F32");
    if (tests.back().starts_with("probe:")) continue;
    for (const char* field :
         {"tokens_per_second", "gb_per_second", "flops_per_second", "percent_of_limit"}) {
      EXPECT_GT(row[field].get<double>(), 0) << row["test"] << " " << field;
    }
    EXPECT_GE(row["tokens_per_second_stddev"].get<double>(), 0);
    EXPECT_EQ(row["logits_hash"], rows[0]["logits_hash"]);
  }
  EXPECT_EQ(tests, (std::vector<std::string>{"pp20", "pp20@d32", "tg12", "tg12@3", "tg12@d32",
                                             "tg12@3@d32", "probe:dram_read", "probe:fma_f32"}));
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
