// StreamHooks: how a facade hears of a stream without a thread that waits for it. Not for callers:
// what is given here runs on the step thread, so it must only hand over to a thread of its own; it
// never waits, never throws, and never holds the last reference to an engine.
#pragma once

#include <functional>

#include "api/engine.h"

namespace weft::engine {

struct StreamHooks {
  using Hook = std::function<void()>;

  // Calls `hook` once: when try_next() would give something, or may after one more look (a token
  // whose text is held back wakes its reader too). On the calling thread at once where that is so
  // already. Replaces the hook given before; nullptr takes it back. The reader's thread.
  static void when_ready(TokenStream& stream, Hook hook);

  // Calls `hook` once, when the engine is done with the generation and has its blocks back, also
  // where the stream is gone by then. On the calling thread at once where that is so already.
  // `finished`: it came to its end; false where it was cancelled or failed.
  using EndHook = std::function<void(bool finished)>;
  static void when_ended(TokenStream& stream, EndHook hook);
  // The same of an embedding: get() will not wait.
  static void when_ended(PendingEmbedding& embedding, EndHook hook);
};

}  // namespace weft::engine
