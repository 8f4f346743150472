// A backend that passes every operation on to another one. Tests derive from it to count, to
// record or to break a single operation. Fused operations and whole steps are not passed on:
// they are composed here, so that a derived class sees their parts.
#pragma once

#include "core/forwarding_backend.h"

namespace weft::test {

class DelegatingBackend : public ForwardingBackend {
 public:
  using ForwardingBackend::ForwardingBackend;

  void add_rms_norm(Mat x, Mat y, const Weight& gain, float eps, Mat out) override {
    Backend::add_rms_norm(x, y, gain, eps, out);
  }
  void feed_forward(Mat x, const FeedForward& weights, std::span<const Mat, 2> hidden,
                    Mat out) override {
    Backend::feed_forward(x, weights, hidden, out);
  }
};

}  // namespace weft::test
