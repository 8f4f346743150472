#include "kernels/cuda/cuda_gpu.h"

#include <cstdio>
#include <cstring>

#include <cuda_runtime_api.h>

#include "kernels/cuda/compiled_for.h"
#include "kernels/cuda/cublaslt.h"

namespace weft::cuda {
namespace {

std::string gibibytes(std::size_t bytes) {
  char text[32];
  std::snprintf(text, sizeof(text), "%.1f GiB", static_cast<double>(bytes) / (1u << 30));
  return text;
}

std::string text_of(cudaError_t error) {
  return std::string(cudaGetErrorName(error)) + " (" + cudaGetErrorString(error) + ")";
}

tl::unexpected<Error> device_error(const std::string& what, cudaError_t error) {
  return fail(ErrorCode::kDeviceError, "device cuda: " + what + ": " + text_of(error));
}

// Page-locked memory and the end of the last copy from or to it.
class PinnedMemory {
 public:
  static Result<std::unique_ptr<PinnedMemory>> create(std::size_t size_bytes) {
    auto memory = std::make_unique<PinnedMemory>();
    if (const cudaError_t error = cudaHostAlloc(&memory->data_, size_bytes, cudaHostAllocDefault);
        error != cudaSuccess) {
      cudaGetLastError();  // leaves the device as it was
      memory->data_ = nullptr;
      return fail(ErrorCode::kOutOfMemory,
                  "device cuda: " + std::to_string(size_bytes) +
                      " bytes of page-locked host memory wanted: " + text_of(error));
    }
    if (const cudaError_t error =
            cudaEventCreateWithFlags(&memory->copied_, cudaEventDisableTiming);
        error != cudaSuccess) {
      memory->copied_ = nullptr;
      return device_error("making an event", error);
    }
    return memory;
  }
  ~PinnedMemory() {
    if (copied_ != nullptr) {
      wait();
      cudaEventDestroy(copied_);
    }
    if (data_ != nullptr) cudaFreeHost(data_);
  }

  std::byte* data() const { return static_cast<std::byte*>(data_); }
  // Queues a copy between here and the device.
  cudaError_t copy(void* to, const void* from, std::size_t size_bytes, cudaMemcpyKind kind,
                   cudaStream_t queue) {
    const cudaError_t error = cudaMemcpyAsync(to, from, size_bytes, kind, queue);
    return error == cudaSuccess ? cudaEventRecord(copied_, queue) : error;
  }
  // For an event that was never recorded it returns at once.
  cudaError_t wait() { return cudaEventSynchronize(copied_); }

 private:
  void* data_ = nullptr;
  cudaEvent_t copied_ = nullptr;
};

void note_error(Stream& stream, cudaError_t error, const char* what) {
  if (error == cudaSuccess || stream.error != 0) return;
  stream.error = static_cast<int>(error);
  stream.failed_kernel = what;
}

tl::unexpected<Error> stream_error(const Stream& stream) {
  return device_error(stream.failed_kernel, static_cast<cudaError_t>(stream.error));
}

// A copy that fails is told by the stream: an event after it is reached all the same, or its wait
// fails with what the stream's next operation fails with.
class PinnedStaging final : public Staging {
 public:
  PinnedStaging(Stream& stream, std::unique_ptr<PinnedMemory> memory)
      : stream_(stream), memory_(std::move(memory)) {}

  std::byte* writable() override {
    memory_->wait();
    return memory_->data();
  }
  void upload(void* device, std::size_t size_bytes) override {
    if (stream_.error != 0) return;
    note_error(stream_,
               memory_->copy(device, memory_->data(), size_bytes, cudaMemcpyHostToDevice,
                             static_cast<cudaStream_t>(stream_.handle)),
               "upload");
  }

 private:
  Stream& stream_;
  std::unique_ptr<PinnedMemory> memory_;
};

class PinnedLanding final : public Landing {
 public:
  PinnedLanding(Stream& stream, std::unique_ptr<PinnedMemory> memory)
      : stream_(stream), memory_(std::move(memory)) {}

  void download(const void* device, std::size_t size_bytes) override {
    if (stream_.error == 0) {
      note_error(stream_,
                 memory_->copy(memory_->data(), device, size_bytes, cudaMemcpyDeviceToHost,
                               static_cast<cudaStream_t>(stream_.handle)),
                 "download");
    }
    queued_ = stream_.error == 0;
  }
  // What could not be queued after the copy does not concern it.
  Result<const std::byte*> wait() override {
    if (queued_) {
      const cudaError_t error = memory_->wait();
      if (error == cudaSuccess) return memory_->data();
      note_error(stream_, error, "running a step");
    }
    return stream_error(stream_);
  }

 private:
  Stream& stream_;
  std::unique_ptr<PinnedMemory> memory_;
  bool queued_ = false;
};

struct CudaGraph final : Graph {
  CudaGraph(cudaGraphExec_t its_executable, cudaStream_t its_queue)
      : executable(its_executable), queue(its_queue) {}
  ~CudaGraph() override {
    cudaStreamSynchronize(queue);
    cudaGraphExecDestroy(executable);
  }
  cudaGraphExec_t executable;
  cudaStream_t queue;
};

class CudaGpu final : public Gpu {
 public:
  static Result<std::unique_ptr<Gpu>> open(int index);
  ~CudaGpu() override {
    if (stream_.handle == nullptr) return;
    // What was uploaded may be read by another Gpu's stream, which would not wait for this one's.
    cudaStreamSynchronize(queue());
    cudaStreamDestroy(queue());
  }

  std::string description() const override { return description_; }
  bool has_warpgroups() const override { return has_warpgroups_; }

  Memory memory() const override {
    Memory memory;
    if (cudaMemGetInfo(&memory.free_bytes, &memory.total_bytes) != cudaSuccess) return {};
    return memory;
  }

  Result<Buffer> allocate_memory(std::size_t size_bytes) override {
    if (size_bytes == 0) return Buffer();
    void* data = nullptr;
    if (const cudaError_t error = cudaMalloc(&data, size_bytes); error != cudaSuccess) {
      cudaGetLastError();  // an allocation that failed leaves the device as it was
      std::size_t free_bytes = 0;
      std::size_t total_bytes = 0;
      cudaMemGetInfo(&free_bytes, &total_bytes);
      return fail(
          error == cudaErrorMemoryAllocation ? ErrorCode::kOutOfMemory : ErrorCode::kDeviceError,
          "device cuda: " + gibibytes(size_bytes) + " wanted, " + gibibytes(free_bytes) + " of " +
              gibibytes(total_bytes) + " free: " + text_of(error));
    }
    Buffer buffer(data, size_bytes, [](void* p, std::size_t) { cudaFree(p); });
    if (const cudaError_t error = cudaMemsetAsync(data, 0, size_bytes, queue());
        error != cudaSuccess) {
      return device_error("clearing memory", error);
    }
    return buffer;
  }

  void upload(void* device, const void* host, std::size_t size_bytes) override {
    if (size_bytes == 0 || stream_.error != 0 || spoils_capture()) return;
    // From pageable memory the runtime stages the bytes before it returns.
    note(cudaMemcpyAsync(device, host, size_bytes, cudaMemcpyHostToDevice, queue()), "upload");
  }

  void download(void* host, const void* device, std::size_t size_bytes) override {
    if (size_bytes == 0) return;
    if (spoils_capture()) {
      std::memset(host, 0, size_bytes);
      return;
    }
    if (stream_.error == 0) {
      note(cudaMemcpyAsync(host, device, size_bytes, cudaMemcpyDeviceToHost, queue()), "download");
    }
    if (stream_.error == 0) note(cudaStreamSynchronize(queue()), "download");
    if (stream_.error != 0) std::memset(host, 0, size_bytes);
  }

  Result<std::unique_ptr<Staging>> create_staging(std::size_t size_bytes) override {
    WEFT_TRY_ASSIGN(auto memory, PinnedMemory::create(size_bytes));
    return std::make_unique<PinnedStaging>(stream_, std::move(memory));
  }

  Result<std::unique_ptr<Landing>> create_landing(std::size_t size_bytes) override {
    WEFT_TRY_ASSIGN(auto memory, PinnedMemory::create(size_bytes));
    return std::make_unique<PinnedLanding>(stream_, std::move(memory));
  }

  Result<std::unique_ptr<PlainProducts>> create_plain_products() override {
    return load_cublaslt(*this);
  }

  Result<void> synchronize() override {
    if (stream_.error == 0) note(cudaStreamSynchronize(queue()), "running a step");
    if (stream_.error == 0) return {};
    return stream_error(stream_);
  }

 protected:
  bool begin_recording() override {
    if (stream_.error != 0) return false;
    // Threads of other engines may allocate meanwhile.
    const cudaError_t error = cudaStreamBeginCapture(queue(), cudaStreamCaptureModeThreadLocal);
    cudaGetLastError();
    return error == cudaSuccess;
  }

  std::unique_ptr<Graph> end_recording() override {
    cudaGraph_t recorded = nullptr;
    cudaGraphExec_t executable = nullptr;
    cudaError_t error = cudaStreamEndCapture(queue(), &recorded);
    if (error == cudaSuccess) error = static_cast<cudaError_t>(stream_.error);
    if (error == cudaSuccess) error = cudaGraphInstantiate(&executable, recorded, 0);
    if (recorded != nullptr) cudaGraphDestroy(recorded);
    // What failed was recorded, not run: the device is as it was.
    cudaGetLastError();
    stream_.error = 0;
    if (error != cudaSuccess) return nullptr;
    return std::make_unique<CudaGraph>(executable, queue());
  }

  void launch_graph(Graph& graph) override {
    if (stream_.error != 0) return;
    note(cudaGraphLaunch(static_cast<CudaGraph&>(graph).executable, queue()), "a recorded step");
  }

 private:
  cudaStream_t queue() const { return static_cast<cudaStream_t>(stream_.handle); }
  void note(cudaError_t error, const char* what) { note_error(stream_, error, what); }

  std::string description_;
  bool has_warpgroups_ = false;
};

Result<std::unique_ptr<Gpu>> CudaGpu::open(int index) {
  int devices = 0;
  if (const cudaError_t error = cudaGetDeviceCount(&devices); error != cudaSuccess) {
    return device_error("no usable GPU was found, one was wanted", error);
  }
  if (index < 0 || index >= devices) {
    return fail(ErrorCode::kDeviceError, "device cuda: GPU " + std::to_string(index) +
                                             " was wanted, " + std::to_string(devices) + " found");
  }
  auto gpu = std::make_unique<CudaGpu>();
  cudaDeviceProp properties{};
  if (const cudaError_t error = cudaGetDeviceProperties(&properties, index); error != cudaSuccess) {
    return device_error("reading the GPU's properties", error);
  }
  const std::string name = std::string(properties.name) + ", sm_" +
                           std::to_string(properties.major) + std::to_string(properties.minor);
  if (properties.major < 8) {
    return fail(ErrorCode::kDeviceError,
                "device cuda: found " + name + ", wanted compute capability 8.0 or newer");
  }
#if defined(WEFT_CUDA_SM90A)
  gpu->has_warpgroups_ = properties.major == 9 && properties.minor == 0;
#endif
  gpu->description_ = name + ", " + gibibytes(properties.totalGlobalMem);
  if (const cudaError_t error = cudaSetDevice(index); error != cudaSuccess) {
    return device_error("choosing " + name, error);
  }
  cudaStream_t queue = nullptr;
  if (const cudaError_t error = cudaStreamCreateWithFlags(&queue, cudaStreamNonBlocking);
      error != cudaSuccess) {
    return device_error("making a stream on " + name, error);
  }
  gpu->stream_.handle = queue;
  // Kernels that were compiled for less do not wait by themselves.
  gpu->stream_.dependent_launch = properties.major >= 9 && compiled_architecture() >= 90;
  return gpu;
}

}  // namespace

Result<std::unique_ptr<Gpu>> open_cuda_gpu(int index) { return CudaGpu::open(index); }

}  // namespace weft::cuda
