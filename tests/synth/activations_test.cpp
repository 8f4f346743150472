// That synthetic models behave like models to the arithmetic: activations of order one wherever
// one looks, attention that attends, logits that neither are flat nor single one token out.
#include <algorithm>
#include <cmath>
#include <vector>

#include <gtest/gtest.h>

#include "gguf/file.h"
#include "gguf/model_loader.h"
#include "kernels/cpu/cpu_backend.h"
#include "tests/support/delegating_backend.h"
#include "tests/support/step_driver.h"
#include "tests/support/temp_folder.h"
#include "tools/synth/model_writer.h"

namespace weft::synth {
namespace {

double rms(Mat x) {
  double sum = 0.0;
  for (int64_t i = 0; i < x.rows * x.cols; ++i) sum += static_cast<double>(x.data[i]) * x.data[i];
  return std::sqrt(sum / static_cast<double>(x.rows * x.cols));
}

// Notes the rms of what the operations see.
class Observer : public test::DelegatingBackend {
 public:
  using DelegatingBackend::DelegatingBackend;

  void rms_norm(Mat x, const Weight& gain, float eps, Mat out) override {
    if (x.cols == n_embd) residual.push_back(rms(x));
    inner().rms_norm(x, gain, eps, out);
  }
  void attention(Mat q, const KvCache& cache, int32_t layer, const AttentionShape& shape,
                 const StepBatch& batch, Mat out) override {
    inner().attention(q, cache, layer, shape, batch, out);
    attended.push_back(rms(out));
  }
  void glu(Mat gate, Mat up, Activation activation, Mat out) override {
    inner().glu(gate, up, activation, out);
    glued.push_back(rms(out));
  }

  int64_t n_embd = 0;
  std::vector<double> residual, attended, glued;
};

struct LogitFigures {
  double deviation = 0.0;
  double entropy = 0.0;    // nats
  double repeating = 0.0;  // share of rows whose best token is the one just read
  double control = 0.0;    // probability of the control tokens
};

LogitFigures figures(const test::Logits& logits, const test::TokenIds& ids) {
  LogitFigures f;
  for (int64_t row = 0; row < logits.rows(); ++row) {
    const std::span<const float> x(logits.values.data() + row * logits.n_vocab, logits.n_vocab);
    const auto best = std::max_element(x.begin(), x.end());
    double squares = 0.0, sum = 0.0, weighted = 0.0;
    for (const float logit : x) {
      const double log_p = static_cast<double>(logit) - *best;
      squares += static_cast<double>(logit) * logit;
      sum += std::exp(log_p);
      weighted += std::exp(log_p) * log_p;
    }
    f.deviation += std::sqrt(squares / static_cast<double>(x.size()));
    for (const float logit : x.first(3)) f.control += std::exp(logit - *best) / sum;
    f.entropy += std::log(sum) - weighted / sum;
    f.repeating += best - x.begin() == ids[row] ? 1.0 : 0.0;
  }
  const auto rows = static_cast<double>(logits.rows());
  return {f.deviation / rows, f.entropy / rows, f.repeating / rows, f.control / rows};
}

struct Case {
  const char* shape;
  int32_t layers;
  bool tied_head = true;
};

class SynthActivations : public ::testing::TestWithParam<Case> {};

TEST_P(SynthActivations, AreOfOrderOneInEveryLayer) {
  const test::TempFolder folder;
  const std::string path = folder.path("model.gguf");
  SynthOptions options;
  options.shape = find_shape(GetParam().shape).value();
  options.shape.n_layers = GetParam().layers;
  options.shape.n_vocab = 1024;
  options.shape.tied_head = GetParam().tied_head;
  options.type = find_file_type("Q4_K_M").value();
  options.threads = 2;
  ASSERT_TRUE(write_synthetic_model(options, path));

  const gguf::File file = gguf::File::open(path).value();
  gguf::LoadedModel model = gguf::load_model(file).value();
  Observer observer(create_cpu_backend({.threads = 2}).value());
  observer.n_embd = model.config.n_embd;
  const auto decoder = test::make_decoder({model.config, model.tensors}, observer);
  test::TokenIds ids;
  for (int32_t i = 0; i < 12; ++i) ids.push_back(400 + 17 * i);
  const test::Logits logits = test::run_chunked(*decoder, observer, ids, 0);

  ASSERT_GE(observer.residual.size(), 2u * GetParam().layers);
  for (const double x : observer.residual) {
    EXPECT_GT(x, 0.3);
    EXPECT_LT(x, 30);
  }
  for (const double x : observer.attended) {
    EXPECT_GT(x, 0.1);
    EXPECT_LT(x, 3);
  }
  for (const double x : observer.glued) {
    EXPECT_GT(x, 0.2);
    EXPECT_LT(x, 2);
  }
  const LogitFigures f = figures(logits, ids);
  EXPECT_GT(f.deviation, 2);
  EXPECT_LT(f.deviation, 8);
  EXPECT_GT(f.entropy, 0.5);
  EXPECT_LT(f.entropy, 5);  // flat would be log(1024) = 6.9
  EXPECT_LT(f.repeating, 0.25);
  EXPECT_LT(f.control, 1e-3);
}

// Two layers stand for all, since each adds the same variance; the small shape shows it.
INSTANTIATE_TEST_SUITE_P(Shapes, SynthActivations,
                         ::testing::Values(Case{"tiny", 2}, Case{"tiny", 32},
                                           Case{"tiny", 2, false}, Case{"qwen2.5-0.5b", 2},
                                           Case{"qwen3-0.6b", 2}),
                         [](const auto& instance) {
                           std::string name = instance.param.shape;
                           std::replace_if(
                               name.begin(), name.end(),
                               [](char c) { return c == '.' || c == '-'; }, '_');
                           return name + "_" + std::to_string(instance.param.layers) +
                                  (instance.param.tied_head ? "" : "_untied");
                         });

}  // namespace
}  // namespace weft::synth
