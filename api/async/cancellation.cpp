#include "api/async/cancellation.h"

#include <boost/asio/system_executor.hpp>

namespace weft::async {
namespace {

// Listens for as long as its op waits, and belongs to it.
struct Waiter {
  std::weak_ptr<detail::Op<void>> op;
  std::stop_callback<std::function<void()>> callback;

  Waiter(const detail::OpPtr<void>& o, std::stop_token token)
      : op(o), callback(std::move(token), [weak = std::weak_ptr(o)] {
          if (const auto waiting = weak.lock()) waiting->finish({});
        }) {}
};

}  // namespace

void CancellationToken::wait(std::stop_token token, detail::OpPtr<void> op) {
  // The waiter is made after the op has begun: a token that is cancelled answers at once.
  const auto waiter = std::make_shared<std::optional<Waiter>>();
  op->begin(asio::system_executor(), waiter);
  op->on_cancel([weak = std::weak_ptr(op)] {
    if (const auto waiting = weak.lock()) {
      waiting->fail_with({ErrorCode::kCancelled, "the wait was cancelled"});
    }
  });
  waiter->emplace(op, std::move(token));
}

}  // namespace weft::async
