#include "api/async/context_ops.h"

#include <boost/asio/query.hpp>

namespace weft::async::detail {

class ContextOps::Service final : public asio::execution_context::service {
 public:
  static inline asio::execution_context::id id;

  explicit Service(asio::execution_context& context)
      : asio::execution_context::service(context), ops_(std::make_shared<ContextOps>()) {}

  const std::shared_ptr<ContextOps>& ops() const { return ops_; }

 private:
  void shutdown() override { ops_->close(); }

  std::shared_ptr<ContextOps> ops_;
};

std::shared_ptr<ContextOps> ContextOps::of(const Executor& executor) {
  asio::execution_context& context = asio::query(executor, asio::execution::context);
  return asio::use_service<Service>(context).ops();
}

void ContextOps::close() noexcept {
  std::list<std::shared_ptr<Member>> members;
  {
    const std::lock_guard lock(mutex_);
    gone_ = true;
    members.swap(members_);
  }
  for (const auto& member : members) member->context_gone();
}

}  // namespace weft::async::detail
