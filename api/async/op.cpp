#include "api/async/op.h"

#include <boost/asio/prefer.hpp>

namespace weft::async::detail {

void OpBase::begin(const Executor& fallback, std::shared_ptr<void> keep_alive) {
  const Executor executor = executor_of_handler(fallback);
  slot_ = slot_of_handler();
  ops_ = ContextOps::of(executor);
  executor_ = asio::prefer(executor, asio::execution::outstanding_work.tracked);
  keep_alive_ = std::move(keep_alive);
  ops_->enter(shared_from_this(), place_);  // the caller's context is alive
}

void OpBase::on_cancel(std::function<void()> stop) {
  if (!slot_.is_connected()) return;
  slot_.assign([stop = std::move(stop)](asio::cancellation_type type) {
    if (type != asio::cancellation_type::none) stop();
  });
}

bool OpBase::post(std::function<void()> work) {
  return ops_->post(executor_, std::move(work), &answered_);
}

void OpBase::post_run() {
  ops_->post(executor_, [self = shared_from_this()] { self->run(); });
}

OpBase::Released OpBase::release() {
  if (slot_.is_connected()) slot_.clear();
  return {ops_->leave(place_, executor_), std::exchange(keep_alive_, nullptr)};
}

void OpBase::context_gone() noexcept {
  claim();
  drop();
  executor_ = Executor();
  keep_alive_.reset();
}

}  // namespace weft::async::detail
