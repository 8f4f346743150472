#include "kernels/cpu/cpu_memory.h"

#include <cstdint>
#include <cstdlib>
#include <string>

#include "core/check.h"

namespace weft::cpu {
namespace {

constexpr std::size_t kAlignment = 64;

}  // namespace

Result<Buffer> allocate_zeroed(std::size_t size_bytes) {
  // calloc hands out pages that are zero without writing to them. The address it gave is kept
  // just before the aligned bytes.
  // No object is larger than PTRDIFF_MAX.
  const bool fits = size_bytes <= static_cast<std::size_t>(PTRDIFF_MAX) - kAlignment;
  void* whole = fits ? std::calloc(size_bytes + kAlignment, 1) : nullptr;
  if (whole == nullptr) {
    return fail(ErrorCode::kOutOfMemory,
                "cannot allocate " + std::to_string(size_bytes) + " bytes of memory");
  }
  const auto address = reinterpret_cast<uintptr_t>(whole);
  static_assert(alignof(std::max_align_t) >= sizeof(void*));
  void* aligned = reinterpret_cast<void*>(address / kAlignment * kAlignment + kAlignment);
  static_cast<void**>(aligned)[-1] = whole;
  return Buffer(aligned, size_bytes,
                [](void* data, std::size_t) { std::free(static_cast<void**>(data)[-1]); });
}

Result<std::unique_ptr<Weight>> CpuWeight::create(const HostTensor& tensor,
                                                  std::optional<Packing> packing) {
  const DecodeRow decode = decode_row_function(tensor.type);
  if (decode == nullptr) {
    return fail(ErrorCode::kUnsupported,
                tensor.name + ": no kernels for " + std::string(dtype_name(tensor.type)));
  }
  const std::optional<int64_t> bytes = weft::row_bytes(tensor.type, tensor.cols());
  if (!bytes.has_value()) {
    return fail(ErrorCode::kGgufRowNotBlocks,
                tensor.name + ": rows of " + std::to_string(tensor.cols()) +
                    " elements, expected whole blocks of " + std::string(dtype_name(tensor.type)));
  }
  WEFT_CHECK(static_cast<int64_t>(tensor.bytes.size()) == *bytes * tensor.rows(),
             tensor.name + " " + shape_string(tensor.shape) + ": view of " +
                 std::to_string(tensor.bytes.size()) + " bytes");

  std::unique_ptr<CpuWeight> weight(new CpuWeight(tensor.type, tensor.rows(), tensor.cols()));
  weight->data_ = tensor.bytes.data();
  weight->row_bytes_ = *bytes;
  weight->decode_ = decode;
  if (tensor.rows() == 1) {
    const bool aligned = reinterpret_cast<uintptr_t>(weight->data_) % alignof(float) == 0;
    if (tensor.type == DType::kF32 && aligned) {
      weight->floats_ = reinterpret_cast<const float*>(weight->data_);
    } else {
      const auto size = static_cast<std::size_t>(tensor.cols()) * sizeof(float);
      WEFT_TRY_ASSIGN(weight->copy_, allocate_zeroed(size));
      decode(weight->data_, weight->copy_.as<float>(), tensor.cols());
      weight->floats_ = weight->copy_.as<float>();
    }
  }
  const PackedFormat* format = find_packed_format(tensor.type);
  if (packing && packing->floats && tensor.cols() % kCellElements == 0 && format == nullptr) {
    format = find_float_format(tensor.type);
  }
  if (packing && format != nullptr && tensor.rows() > 1) {
    WEFT_TRY_ASSIGN(weight->packed_, PackedWeight::create(tensor, *format, packing->pool,
                                                          packing->arena, packing->cache));
    weight->data_ = nullptr;
  }
  return weight;
}

void CpuWeight::read_row(int64_t r, float* out) const {
  if (packed_.present()) return packed_.read_row(r, out);
  decode_(row(r), out, cols());
}

std::span<const std::byte> CpuWeight::host_memory() const {
  if (packed_.present()) return {packed_.data(), packed_.size_bytes()};
  if (copy_.size_bytes() != 0) return {copy_.as<const std::byte>(), copy_.size_bytes()};
  return {data_, static_cast<std::size_t>(row_bytes_ * rows())};
}

}  // namespace weft::cpu
