// JobHooks: how a facade hears of a job without a thread that waits for it. Not for callers: what
// is given here runs on the handler's thread, or on that of whoever ends the job, so it must only
// hand over to a thread of its own; it never waits, and never throws.
#pragma once

#include <functional>
#include <optional>

#include "api/inference.h"

namespace weft::inference {

struct JobHooks {
  using Hook = std::function<void()>;

  // Calls `hook` once, when next() need not wait; on the calling thread at once where that is so
  // already. Replaces the hook given before. The reader's thread.
  static void when_ready(JobStream& stream, Hook hook);
  // What next() would give, if it need not wait.
  static std::optional<std::optional<TokenOutput>> try_next(JobStream& stream);
  // Calls `hook` once, when join() need not wait; at once where that is so already.
  static void when_ended(const Job& job, Hook hook);
};

}  // namespace weft::inference
