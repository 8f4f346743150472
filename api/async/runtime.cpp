#include "api/async/runtime.h"

#include "api/async/runtime_core.h"

namespace weft::async {

Result<Runtime> Runtime::create(const RuntimeOptions& options) {
  WEFT_TRY_ASSIGN(auto core, detail::RuntimeCore::create(options));
  return Runtime(std::move(core));
}

Result<Runtime> Runtime::over(const Executor& executor, const RuntimeOptions& options) {
  WEFT_TRY_ASSIGN(auto core, detail::RuntimeCore::over(executor, options));
  return Runtime(std::move(core));
}

Result<Runtime> Runtime::over(asio::io_context& context, const RuntimeOptions& options) {
  return over(Executor(context.get_executor()), options);
}

Runtime& Runtime::operator=(Runtime&& other) noexcept {
  if (this != &other) {
    if (core_) core_->close(std::chrono::milliseconds(0));
    core_ = std::move(other.core_);
  }
  return *this;
}

Runtime::~Runtime() {
  if (core_) core_->close(std::chrono::milliseconds(0));
}

RuntimeMetrics Runtime::metrics() const { return core_->metrics(); }
Executor Runtime::executor() const { return core_->executor(); }
bool Runtime::is_running() const { return !core_->closing(); }
bool Runtime::on_worker_thread() const { return core_->on_own_thread(); }

tl::unexpected<Error> Runtime::waits_for_itself() {
  return fail(ErrorCode::kInvalidArgument,
              "block_on: called on a worker thread of the runtime; co_await instead");
}

Result<void> Runtime::shutdown(std::chrono::milliseconds timeout) {
  if (core_->close(timeout)) return {};
  return fail(ErrorCode::kTimedOut, "shutdown: what had not ended within " +
                                        std::to_string(timeout.count()) + " ms was stopped");
}

}  // namespace weft::async
