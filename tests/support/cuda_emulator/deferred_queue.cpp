#include "tests/support/cuda_emulator/deferred_queue.h"

#include <limits>
#include <set>
#include <utility>

namespace weft::test {
namespace {

struct Queues {
  std::mutex mutex;
  std::set<DeferredQueue*> all;
};

Queues& queues() {
  static Queues the_queues;
  return the_queues;
}

}  // namespace

DeferredQueue::DeferredQueue() {
  const std::lock_guard lock(queues().mutex);
  queues().all.insert(this);
}
DeferredQueue::~DeferredQueue() {
  const std::lock_guard lock(queues().mutex);
  queues().all.erase(this);
}

int64_t DeferredQueue::push(std::function<void()> work) {
  const std::lock_guard lock(mutex_);
  work_.push_back(std::move(work));
  return done_ + static_cast<int64_t>(work_.size());
}

bool DeferredQueue::run_until(int64_t which) {
  const std::lock_guard lock(mutex_);
  while (done_ < which && !work_.empty()) {
    const std::function<void()> work = std::move(work_.front());
    work_.pop_front();
    ++done_;
    work();
  }
  return !work_.empty();
}

void DeferredQueue::run_all() { run_until(std::numeric_limits<int64_t>::max()); }

void run_all_deferred() {
  const std::lock_guard lock(queues().mutex);
  for (DeferredQueue* queue : queues().all) queue->run_all();
}

}  // namespace weft::test
