#include "core/backend.h"

#include "core/model/decoder.h"

namespace weft {

StepTicket Backend::submit_step(const Decoder& decoder, DecoderState& state, const StepBatch& batch,
                                LogitSink* sink) {
  decoder.forward(*this, state, batch, sink);
  return {};
}

Result<void> Backend::wait(StepTicket) { return {}; }

void Backend::add_rms_norm(Mat x, Mat y, const Weight& gain, float eps, Mat out) {
  add(x, y);
  rms_norm(x, gain, eps, out);
}

}  // namespace weft
