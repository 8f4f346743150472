// LLMHooks: how another facade hears of an AsyncLLM's stream without a thread that waits for it.
// Not for callers: what is given here runs on a worker or on the step thread, so it must only hand
// over to a thread of its own; it never waits, and never throws.
#pragma once

#include <functional>

#include "api/async_llm/async_llm.h"

namespace weft::llm {

struct LLMHooks {
  using Hook = std::function<void()>;

  // Calls `hook` once: when try_next() would give something, or may after one more look. On the
  // calling thread at once where that is so already. Replaces the hook given before. The reader's
  // thread.
  static void when_ready(Stream& stream, Hook hook);
};

}  // namespace weft::llm
