// The handles of a model as a service, and what its calls share.
#pragma once

#include <atomic>
#include <memory>
#include <vector>

#include "api/async/runtime.h"
#include "api/async_llm/async_llm.h"
#include "api/c/boundary.h"

struct weft_llm {
  std::shared_ptr<weft::async::Runtime> runtime;  // outlives the workers, which tell of requests
  std::shared_ptr<weft::llm::AsyncLLM> value;
};

namespace weft::c {

struct LLMAsk {
  llm::SamplingParams params;
  llm::RequestOptions options;
};
// llm.cpp
Result<LLMAsk> llm_ask(const weft_llm_params* params, const weft_request_options* options);

}  // namespace weft::c
