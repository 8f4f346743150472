#include "tests/support/cuda_emulator/emulated_gpu.h"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <functional>
#include <limits>
#include <utility>
#include <vector>

#include "kernels/cuda/device/launch.h"
#include "tests/support/cuda_emulator/emulated_products.h"
#include "tests/support/cuda_emulator/emulated_stream.h"
#include "tests/support/cuda_emulator/emulator.h"
#include "tests/support/cuda_emulator/pending_copies.h"
#include "tests/support/cuda_emulator/recording.h"

namespace weft::test {
namespace {

constexpr std::size_t kNoLimit = std::numeric_limits<std::size_t>::max();

std::size_t& pinned_limit() {
  static std::size_t bytes = kNoLimit;
  return bytes;
}

bool& warpgroups() {
  static bool have = false;
  return have;
}

class EmulatedStaging final : public cuda::Staging {
 public:
  EmulatedStaging(cuda::Stream& stream, std::size_t size_bytes)
      : stream_(stream), memory_(size_bytes) {}
  ~EmulatedStaging() override { finish_copies_from(memory_.data()); }

  std::byte* writable() override {
    finish_copies_from(memory_.data());
    return memory_.data();
  }
  void upload(void* device, std::size_t size_bytes) override {
    EmulatedStream::of(stream_)->queue.run_all();
    if (stream_.error != 0 || operation_fails(stream_, "upload")) return;
    queue_copy(device, memory_.data(), size_bytes);
  }

 private:
  cuda::Stream& stream_;
  std::vector<std::byte> memory_;
};

struct EmulatedGraph final : cuda::Graph {
  std::vector<RecordedLaunch> launches;
};

bool takes(cuda::Stream& stream, const char* what) {
  finish_copies();
  return stream.error == 0 && !operation_fails(stream, what);
}

tl::unexpected<Error> fault_of(const cuda::Stream& stream) {
  return fail(ErrorCode::kDeviceError,
              std::string("device cuda: ") + stream.failed_kernel + ": emulated fault");
}

std::atomic<int64_t>& waits_behind() {
  static std::atomic<int64_t> waits = 0;
  return waits;
}

class EmulatedLanding final : public cuda::Landing {
 public:
  EmulatedLanding(cuda::Stream& stream, std::size_t size_bytes)
      : stream_(stream), memory_(size_bytes) {}
  ~EmulatedLanding() override { run_until_here(); }

  void download(const void* device, std::size_t size_bytes) override {
    std::ranges::fill(memory_, std::byte{0x77});  // whoever reads before it waits sees this
    arrived_ = false;
    which_ = queue_or_run(stream_, [this, device, size_bytes] {
      arrived_ = takes(stream_, "download");
      if (arrived_) std::memcpy(memory_.data(), device, size_bytes);
    });
  }
  Result<const std::byte*> wait() override {
    if (run_until_here()) ++waits_behind();
    if (!arrived_) return fault_of(stream_);
    return memory_.data();
  }

 private:
  bool run_until_here() { return EmulatedStream::of(stream_)->queue.run_until(which_); }

  cuda::Stream& stream_;
  std::vector<std::byte> memory_;
  int64_t which_ = 0;
  bool arrived_ = false;
};

class EmulatedGpu final : public cuda::Gpu {
 public:
  EmulatedGpu(std::size_t memory_bytes, EmulatedTime time) : memory_bytes_(memory_bytes) {
    emulated_.deferred = time == EmulatedTime::kWaitedFor;
    stream_.handle = &emulated_;
  }
  ~EmulatedGpu() override { emulated_.queue.run_all(); }

  std::string description() const override { return "emulated"; }
  bool has_warpgroups() const override { return has_warpgroups_; }
  Memory memory() const override {
    return {.free_bytes = memory_bytes_ - std::min(memory_bytes_, device_bytes_in_use()),
            .total_bytes = memory_bytes_};
  }
  Result<Buffer> allocate_memory(std::size_t size_bytes) override {
    if (size_bytes == 0) return Buffer();
    if (size_bytes > memory().free_bytes) {
      return fail(ErrorCode::kOutOfMemory, "device cuda: " + std::to_string(size_bytes) +
                                               " bytes wanted of " + std::to_string(memory_bytes_));
    }
    void* data = allocate_device(size_bytes);
    std::memset(data, 0, size_bytes);
    return Buffer(data, size_bytes, [](void* p, std::size_t) {
      run_all_deferred();  // as cudaFree() does
      finish_copies();
      free_device(p);
    });
  }
  void upload(void* device, const void* host, std::size_t size_bytes) override {
    if (size_bytes == 0 || spoils_capture()) return;
    const auto* const bytes = static_cast<const std::byte*>(host);
    queue_or_run(stream_, [this, device, staged = std::vector(bytes, bytes + size_bytes)] {
      if (takes(stream_, "upload")) std::memcpy(device, staged.data(), staged.size());
    });
  }
  void download(void* host, const void* device, std::size_t size_bytes) override {
    if (size_bytes == 0) return;
    emulated_.queue.run_all();
    if (!spoils_capture() && takes(stream_, "download")) {
      std::memcpy(host, device, size_bytes);
    } else {
      std::memset(host, 0, size_bytes);
    }
  }
  Result<std::unique_ptr<cuda::Staging>> create_staging(std::size_t size_bytes) override {
    if (size_bytes > pinned_limit()) {
      return fail(ErrorCode::kOutOfMemory, "device cuda: " + std::to_string(size_bytes) +
                                               " bytes of page-locked host memory wanted");
    }
    return std::make_unique<EmulatedStaging>(stream_, size_bytes);
  }
  Result<std::unique_ptr<cuda::Landing>> create_landing(std::size_t size_bytes) override {
    if (size_bytes > pinned_limit()) {
      return fail(ErrorCode::kOutOfMemory, "device cuda: " + std::to_string(size_bytes) +
                                               " bytes of page-locked host memory wanted");
    }
    return std::make_unique<EmulatedLanding>(stream_, size_bytes);
  }
  Result<std::unique_ptr<cuda::PlainProducts>> create_plain_products() override {
    return make_emulated_products();
  }
  Result<void> synchronize() override {
    emulated_.queue.run_all();
    finish_copies();
    if (stream_.error == 0) return {};
    return fault_of(stream_);
  }

 protected:
  bool begin_recording() override {
    emulated_.recording = {.active = stream_.error == 0};
    return emulated_.recording.active;
  }
  std::unique_ptr<cuda::Graph> end_recording() override {
    auto graph = std::make_unique<EmulatedGraph>();
    graph->launches = std::exchange(emulated_.recording, {}).launches;
    return graph;
  }
  void launch_graph(cuda::Graph& graph) override {
    for (const RecordedLaunch& one : static_cast<EmulatedGraph&>(graph).launches) {
      if (stream_.error != 0) return;
      cuda::host::launch(stream_, one.name, one.grid, one.threads, one.shared_bytes, one.body);
    }
  }

 private:
  std::size_t memory_bytes_;
  const bool has_warpgroups_ = warpgroups();
  EmulatedStream emulated_;
};

}  // namespace

std::unique_ptr<cuda::Gpu> make_emulated_gpu(std::size_t memory_bytes, EmulatedTime time) {
  return std::make_unique<EmulatedGpu>(memory_bytes, time);
}

int64_t waits_with_work_behind() { return waits_behind(); }

void emulate_warpgroups(bool have) { warpgroups() = have; }
void limit_pinned_memory(std::size_t bytes) { pinned_limit() = bytes; }
void unlimit_pinned_memory() { pinned_limit() = kNoLimit; }

std::unique_ptr<cuda::Gpu> make_test_gpu() { return make_emulated_gpu(std::size_t{1} << 30); }
bool test_gpu_is_emulated() { return true; }
bool has_warpgroups() { return true; }

}  // namespace weft::test
