#include "core/split_backend.h"

#include <string>
#include <utility>

#include "core/forwarding_backend.h"

namespace weft {
namespace {

// What is not in a layer is `rest`'s; layers find their backend by layer_backend().
class SplitBackend final : public ForwardingBackend {
 public:
  SplitBackend(std::unique_ptr<Backend> first, int32_t num_first, std::unique_ptr<Backend> rest)
      : ForwardingBackend(std::move(rest)), first_(std::move(first)), num_first_(num_first) {}

  std::string description() const override {
    return first_->description() + ", " + std::to_string(num_first_) +
           (num_first_ == 1 ? " layer; " : " layers; ") + inner().description();
  }
  std::string activations() const override {
    const std::string here = inner().activations();
    const std::string there = first_->activations();
    return here == there ? here : there + " and " + here;
  }

  Backend* layer_backend(int32_t layer) const override {
    return layer < num_first_ ? first_.get() : nullptr;
  }

  void begin_step() override {
    first_->begin_step();
    inner().begin_step();
  }
  void end_step() override {
    inner().end_step();
    first_->end_step();
  }
  Result<void> wait(StepTicket ticket) override {
    WEFT_TRY(first_->wait(ticket));
    return inner().wait(ticket);
  }

 private:
  std::unique_ptr<Backend> first_;
  const int32_t num_first_;
};

}  // namespace

std::unique_ptr<Backend> create_split_backend(std::unique_ptr<Backend> first, int32_t num_first,
                                              std::unique_ptr<Backend> rest) {
  return std::make_unique<SplitBackend>(std::move(first), num_first, std::move(rest));
}

}  // namespace weft
