// ContextOps: everything of ours that waits on one Asio execution context, so that whoever destroys
// the context (an io_context of the caller's, say) while a generation still runs leaves nothing
// that would touch it later. A service of the context; one mutex makes "the context has gone" and
// "post to it" exclude each other. Thread-safe.
#pragma once

#include <atomic>
#include <list>
#include <memory>
#include <mutex>
#include <utility>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/execution_context.hpp>
#include <boost/asio/post.hpp>

#include "core/error.h"

namespace weft::async {

namespace asio = boost::asio;
// Where handlers run; any executor of Asio.
using Executor = asio::any_io_executor;

namespace detail {

class ContextOps {
 public:
  // The one that belongs to the executor's context, which is alive.
  static std::shared_ptr<ContextOps> of(const Executor& executor);

  class Member {
   public:
    virtual ~Member() = default;
    // On the thread that destroys the context, which then runs nothing any more: gives up all that
    // belongs to it, executors included.
    virtual void context_gone() noexcept = 0;
  };
  using Place = std::list<std::shared_ptr<Member>>::iterator;

  // Nothing that belongs to the context may be touched any more.
  bool gone() const {
    const std::lock_guard lock(mutex_);
    return gone_;
  }

  // Kept alive until leave() or until the context has gone; nothing where it has gone already.
  bool enter(std::shared_ptr<Member> member, Place& place) {
    const std::lock_guard lock(mutex_);
    if (gone_) return false;
    place = members_.insert(members_.end(), std::move(member));
    return true;
  }
  // Gives the executor with which the member posted; nobody posts with it any more.
  Executor leave(Place place, Executor& executor) {
    std::list<std::shared_ptr<Member>> left;  // released without the lock
    const std::lock_guard lock(mutex_);
    if (!gone_) left.splice(left.begin(), members_, place);
    return std::exchange(executor, Executor());
  }

  // Runs `work` on the executor later; never here. False, and `work` is dropped, where the context
  // has gone, or `off` is true by now.
  template <class Work>
  bool post(const Executor& executor, Work&& work, const std::atomic<bool>* off = nullptr) {
    const std::lock_guard lock(mutex_);
    if (gone_ || (off != nullptr && *off)) return false;
    asio::post(executor, std::forward<Work>(work));
    return true;
  }

 private:
  class Service;
  void close() noexcept;

  mutable std::mutex mutex_;
  bool gone_ = false;
  std::list<std::shared_ptr<Member>> members_;
};

}  // namespace detail
}  // namespace weft::async
