#include "api/async/token_stream.h"

#include <boost/asio/system_executor.hpp>

#include "api/async/generation.h"

namespace weft::async {
TokenStream::TokenStream(std::shared_ptr<detail::Generation> generation)
    : generation_(std::move(generation)) {}

TokenStream& TokenStream::operator=(TokenStream&& other) noexcept {
  if (this != &other) {
    if (generation_) generation_->abandon();
    generation_ = std::move(other.generation_);
  }
  return *this;
}

TokenStream::~TokenStream() {
  if (generation_) generation_->abandon();
}

void TokenStream::start_next(const std::weak_ptr<detail::Generation>& generation,
                             detail::OpPtr<std::optional<TokenData>> op) {
  if (const auto alive = generation.lock()) return alive->next(std::move(op));
  op->begin(asio::system_executor());
  op->fail_with(detail::generation_cancelled());
}

std::optional<Result<std::optional<TokenData>>> TokenStream::try_next() {
  return generation_->try_next();
}
void TokenStream::cancel() { generation_->stop(detail::generation_cancelled()); }
bool TokenStream::is_finished() const { return generation_->is_finished(); }
int32_t TokenStream::tokens_generated() const { return generation_->num_given(); }
const StreamConfig& TokenStream::config() const { return generation_->config(); }

}  // namespace weft::async
