#include "tests/support/cuda_emulator/emulated_gpu.h"

#include <algorithm>
#include <cstring>

#include "tests/support/cuda_emulator/emulator.h"

namespace weft::test {
namespace {

class EmulatedGpu final : public cuda::Gpu {
 public:
  explicit EmulatedGpu(std::size_t memory_bytes) : memory_bytes_(memory_bytes) {}

  std::string description() const override { return "emulated"; }
  Result<Buffer> allocate(std::size_t size_bytes) override {
    if (size_bytes == 0) return Buffer();
    if (size_bytes > memory_bytes_ - std::min(memory_bytes_, device_bytes_in_use())) {
      return fail(ErrorCode::kOutOfMemory, "device cuda: " + std::to_string(size_bytes) +
                                               " bytes wanted of " + std::to_string(memory_bytes_));
    }
    void* data = allocate_device(size_bytes);
    std::memset(data, 0, size_bytes);
    return Buffer(data, size_bytes, [](void* p, std::size_t) { free_device(p); });
  }
  void upload(void* device, const void* host, std::size_t size_bytes) override {
    if (size_bytes == 0 || !takes("upload")) return;
    std::memcpy(device, host, size_bytes);
  }
  void download(void* host, const void* device, std::size_t size_bytes) override {
    if (size_bytes == 0) return;
    if (takes("download")) {
      std::memcpy(host, device, size_bytes);
    } else {
      std::memset(host, 0, size_bytes);
    }
  }
  Result<void> synchronize() override {
    if (stream_.error == 0) return {};
    return fail(ErrorCode::kDeviceError,
                std::string("device cuda: ") + stream_.failed_kernel + ": emulated fault");
  }

 private:
  bool takes(const char* what) { return stream_.error == 0 && !operation_fails(stream_, what); }

  std::size_t memory_bytes_;
};

}  // namespace

std::unique_ptr<cuda::Gpu> make_emulated_gpu(std::size_t memory_bytes) {
  return std::make_unique<EmulatedGpu>(memory_bytes);
}

std::unique_ptr<cuda::Gpu> make_test_gpu() { return make_emulated_gpu(std::size_t{1} << 30); }
bool test_gpu_is_emulated() { return true; }

}  // namespace weft::test
