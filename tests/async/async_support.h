// What the tests of the asynchronous facade share: the small model, and patience.
#pragma once

#include <string>

#include <boost/asio/use_future.hpp>
#include <gtest/gtest.h>

#include "api/async/model.h"
#include "api/engine.h"
#include "tests/support/eventually.h"
#include "tests/support/fixtures.h"

namespace weft::async {

using test::eventually;

inline std::string mini_path() {
  return (test::fixtures_folder() / "weft-mini-llama-F32.gguf").string();
}

// A model that never draws its stop token, so that a generation goes on until it is stopped or has
// max_tokens, and takes some hundred microseconds a token.
std::string endless_path();

inline AsyncConfig endless_config() { return {.model_path = endless_path(), .threads = 1}; }
inline AsyncConfig mini_config() { return {.model_path = mini_path(), .threads = 1}; }

// A runtime of its own for each test, so that what a test leaves behind is noticed there.
inline Runtime make_runtime(int workers = 2) {
  auto runtime = Runtime::builder().worker_threads(workers).build();
  EXPECT_TRUE(runtime) << runtime.error().message;
  return std::move(*runtime);
}

inline AsyncModel load_model(const Runtime& runtime, AsyncConfig config = endless_config()) {
  auto model = AsyncModel::load_with_config(runtime, std::move(config), asio::use_future).get();
  EXPECT_TRUE(model) << model.error().message;
  return std::move(*model);
}

// Nothing runs, waits or owns a block.
inline bool is_idle(const EngineStats& stats) {
  return stats.running == 0 && stats.waiting == 0 && stats.blocks_owned == 0;
}

// In a test: no more threads at its end than at its beginning.
class NoThreadLeftBehind {
 public:
  ~NoThreadLeftBehind() { (void)count_.becomes(0); }

 private:
  const test::ThreadCount count_;
};

template <class T>
ErrorCode code_of(const Result<T>& result) {
  EXPECT_FALSE(result);
  return result ? ErrorCode::kInvalidArgument : result.error().code;
}

}  // namespace weft::async
