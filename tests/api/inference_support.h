// What the tests of api/inference.h share: models, and requests run alone.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "api/inference.h"
#include "tests/support/eventually.h"
#include "tests/support/fixtures.h"
#include "tests/support/test_data.h"

namespace weft::inference {

using test::eventually;

inline std::string fixture_path(const std::string& name) {
  return (test::fixtures_folder() / (name + ".gguf")).string();
}

// Random weights; a character is a token.
inline Llama load_mini(const EngineConfig& config = {},
                       const std::string& name = "weft-mini-qwen3-Q8_0") {
  auto model = Llama::load(fixture_path(name), "cpu", config);
  EXPECT_TRUE(model) << model.error().message;
  return std::move(*model);
}

inline std::vector<int32_t> ids_of(const std::vector<TokenOutput>& outputs) {
  std::vector<int32_t> ids;
  for (const TokenOutput& output : outputs) ids.push_back(output.token_id);
  return ids;
}

// The outputs of a request that nothing runs beside, a turn at a time.
inline std::vector<TokenOutput> run_alone(const Llama& model, const GenerateRequest& request) {
  Sampler sampler(request.top_p, request.seed);
  auto outputs =
      model.generate_streaming(request.prompt, request.max_tokens, request.temperature, sampler);
  EXPECT_TRUE(outputs) << outputs.error().message;
  return outputs ? std::move(*outputs) : std::vector<TokenOutput>{};
}

inline Job spawn(Inference& inference, const GenerateRequest& request) {
  return inference.infer(request).with_devices({"cpu"}).spawn();
}

inline std::vector<TokenOutput> read_all(Job& job) {
  std::vector<TokenOutput> outputs;
  for (const TokenOutput& output : job.stream) outputs.push_back(output);
  return outputs;
}

// With the model of load_mini() a generation that meets no stop token, and goes on for long enough
// to be caught in its middle.
inline GenerateRequest endless(const std::string& prompt = "Hello") {
  return {.prompt = prompt, .max_tokens = 8000, .temperature = 0};
}

#define EXPECT_CANCELLED(result)                                         \
  do {                                                                   \
    const auto cancelled_result = (result);                              \
    ASSERT_FALSE(cancelled_result);                                      \
    EXPECT_EQ(cancelled_result.error().code, ErrorCode::kCancelled);     \
    EXPECT_EQ(cancelled_result.error().message, "Generation cancelled"); \
  } while (false)

}  // namespace weft::inference
