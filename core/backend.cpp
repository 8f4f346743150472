#include "core/backend.h"

#include <array>
#include <string>

#include "core/check.h"
#include "core/model/decoder.h"

namespace weft {

StepTicket Backend::submit_step(const Decoder& decoder, DecoderState& state, const StepBatch& batch,
                                LogitSink* sink) {
  begin_step();
  decoder.forward(*this, state, batch, sink);
  end_step();
  return {};
}

Result<void> Backend::wait(StepTicket) { return {}; }

void Backend::for_ranges_on_host(int64_t n, int64_t /*grain*/,
                                 const std::function<void(int64_t, int64_t, int)>& work) {
  if (n > 0) work(0, n, 0);
}

bool Backend::sample(Mat, std::span<const RowDraw>, std::span<DrawnRow>) { return false; }

std::optional<DrawTicket> Backend::sample_later(Mat, std::span<const RowDraw>, int64_t, int64_t) {
  return std::nullopt;
}

Result<void> Backend::collect(DrawTicket ticket, std::span<DrawnRow>) {
  WEFT_CHECK(false, "collect: ticket " + std::to_string(ticket.call) + " was never given");
  return {};
}

void Backend::add_rms_norm(Mat x, Mat y, const Weight& gain, float eps, Mat out) {
  add(x, y);
  rms_norm(x, gain, eps, out);
}

void Backend::feed_forward(Mat x, const FeedForward& weights, std::span<const Mat, 2> hidden,
                           Mat out) {
  linear(x, std::array{LinearOutput{&weights.gate, nullptr, hidden[0]},
                       LinearOutput{&weights.up, nullptr, hidden[1]}});
  glu(hidden[0], hidden[1], weights.activation, hidden[0]);
  linear(hidden[0], std::array{LinearOutput{&weights.down, nullptr, out}});
}

}  // namespace weft
