#include "tests/support/cuda_emulator/emulated_products.h"

#include "core/half.h"
#include "kernels/cuda/device/launch.h"
#include "tests/support/cuda_emulator/emulated_gpu.h"

namespace weft::test {
namespace {

struct Products {
  bool installed = false;
  int64_t made = 0;
};
Products& products() {
  static Products the_products;
  return the_products;
}

// A thread a column, a block a row.
struct MultiplyPlainly {
  static constexpr const char* kName = "multiply_plainly";
  static constexpr int kThreads = cuda::kWarp;
  using Shared = cuda::NoShared;
  cuda::PlainProduct product;

  void operator()(Shared&) const {
    const cuda::PlainProduct& p = product;
    const auto number = [&](const uint16_t* at) {
      const uint16_t bits = cuda::load(at);
      return p.bfloat ? float_from_bf16(bits) : float_from_half(bits);
    };
    const int row = cuda::block_index().x;
    for (int column = cuda::thread_index(); column < p.columns; column += kThreads) {
      float sum = 0.0f;
      for (int k = p.depth - 1; k >= 0; --k) {
        sum += number(p.x + int64_t{row} * p.depth + k) *
               number(p.weight + int64_t{column} * p.depth + k);
      }
      cuda::store(p.out + int64_t{row} * p.columns + column, sum);
    }
  }
};

class EmulatedProducts final : public cuda::PlainProducts {
 public:
  std::string name() const override { return "emulated library"; }
  bool multiply(cuda::Stream& stream, const cuda::PlainProduct& product) override {
    ++products().made;
    cuda::launch(stream, {.x = product.rows}, MultiplyPlainly{product});
    return true;
  }
};

}  // namespace

void emulate_plain_products(bool installed) { products().installed = installed; }
int64_t plain_products_made() { return products().made; }

Result<std::unique_ptr<cuda::PlainProducts>> make_emulated_products() {
  if (!products().installed) {
    return fail(ErrorCode::kUnsupported, "math fastest: libemulated.so is not installed");
  }
  return std::make_unique<EmulatedProducts>();
}

}  // namespace weft::test
