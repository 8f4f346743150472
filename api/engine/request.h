// From a caller's Request to the jobs that run it: everything that can be wrong with it is found
// here, on the caller's thread.
#pragma once

#include <memory>
#include <vector>

#include "api/engine.h"
#include "api/engine/job.h"

namespace weft::engine {

// One job for each of request.n samples. Fails as Engine::submit() says.
Result<std::vector<std::shared_ptr<Job>>> make_jobs(const Request& request, const StepLoop& loop);

// The one job of a SteppedGeneration.
Result<std::shared_ptr<Job>> make_stepped_job(const Request& request, const StepLoop& loop);

// The one job of an embedding.
Result<std::shared_ptr<Job>> make_embedding_job(const EmbedRequest& request, const StepLoop& loop);

}  // namespace weft::engine
