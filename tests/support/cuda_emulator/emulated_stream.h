// What a Stream's handle points to in the emulator.
#pragma once

#include <cstdint>
#include <functional>
#include <utility>

#include "kernels/cuda/stream.h"
#include "tests/support/cuda_emulator/deferred_queue.h"
#include "tests/support/cuda_emulator/recording.h"

namespace weft::test {

struct EmulatedStream {
  bool deferred = false;  // what is queued is done when it is waited for; else at once
  Recording recording;
  DeferredQueue queue;

  // null: a stream of no GPU, on which everything is done at once.
  static EmulatedStream* of(const cuda::Stream& stream) {
    return static_cast<EmulatedStream*>(stream.handle);
  }
};

// Queues work, or does it. Returns which it is, for DeferredQueue::run_until().
inline int64_t queue_or_run(const cuda::Stream& stream, std::function<void()> work) {
  EmulatedStream* const emulated = EmulatedStream::of(stream);
  if (emulated != nullptr && emulated->deferred) return emulated->queue.push(std::move(work));
  work();
  return 0;
}

}  // namespace weft::test
