#include "kernels/cuda/cublaslt.h"

#include <array>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include <cublasLt.h>

#include "core/platform/shared_library.h"

namespace weft::cuda {
namespace {

// As large as the library's own advice for sm_90; other devices want less.
constexpr std::size_t kWorkspaceBytes = std::size_t{32} << 20;

// The library's functions, by their names there.
struct Library {
  decltype(&::cublasLtGetVersion) get_version = nullptr;
  decltype(&::cublasLtCreate) create = nullptr;
  decltype(&::cublasLtDestroy) destroy = nullptr;
  decltype(&::cublasLtMatmul) matmul = nullptr;
  decltype(&::cublasLtMatmulAlgoGetHeuristic) heuristic = nullptr;
  decltype(&::cublasLtMatmulDescCreate) create_desc = nullptr;
  decltype(&::cublasLtMatmulDescDestroy) destroy_desc = nullptr;
  decltype(&::cublasLtMatmulDescSetAttribute) set_desc = nullptr;
  decltype(&::cublasLtMatrixLayoutCreate) create_layout = nullptr;
  decltype(&::cublasLtMatrixLayoutDestroy) destroy_layout = nullptr;
  decltype(&::cublasLtMatmulPreferenceCreate) create_preference = nullptr;
  decltype(&::cublasLtMatmulPreferenceDestroy) destroy_preference = nullptr;
  decltype(&::cublasLtMatmulPreferenceSetAttribute) set_preference = nullptr;
};

tl::unexpected<Error> missing(const std::string& what) {
  return fail(ErrorCode::kUnsupported,
              "math fastest: cuBLASLt is wanted, libcublasLt.so.13 or libcublasLt.so.12: " + what);
}

Result<Library> load_library() {
  constexpr const char* kNames[] = {"libcublasLt.so.13", "libcublasLt.so.12"};
  const auto loaded = platform::SharedLibrary::open(kNames);
  if (!loaded) return missing(loaded.error().message);
  Library library;
  std::string lacking;
  const auto find = [&](const char* name, auto& function) {
    void* const symbol = loaded->find(name);
    if (symbol == nullptr && lacking.empty()) lacking = name;
    function = reinterpret_cast<std::remove_reference_t<decltype(function)>>(symbol);
  };
  find("cublasLtGetVersion", library.get_version);
  find("cublasLtCreate", library.create);
  find("cublasLtDestroy", library.destroy);
  find("cublasLtMatmul", library.matmul);
  find("cublasLtMatmulAlgoGetHeuristic", library.heuristic);
  find("cublasLtMatmulDescCreate", library.create_desc);
  find("cublasLtMatmulDescDestroy", library.destroy_desc);
  find("cublasLtMatmulDescSetAttribute", library.set_desc);
  find("cublasLtMatrixLayoutCreate", library.create_layout);
  find("cublasLtMatrixLayoutDestroy", library.destroy_layout);
  find("cublasLtMatmulPreferenceCreate", library.create_preference);
  find("cublasLtMatmulPreferenceDestroy", library.destroy_preference);
  find("cublasLtMatmulPreferenceSetAttribute", library.set_preference);
  if (!lacking.empty()) return missing("what was found has no " + lacking);
  return library;
}

std::string version_text(std::size_t version) {
  const auto part = [&](std::size_t of, std::size_t modulo) {
    return std::to_string(version / of % modulo);
  };
  // 130002 is 13.0.2; before 11 it was written otherwise, which is too old to be loaded.
  return part(10000, 1000) + "." + part(100, 100) + "." + part(1, 100);
}

class CublasLt final : public PlainProducts {
 public:
  CublasLt(const Library& library, Buffer workspace)
      : library_(library), workspace_(std::move(workspace)) {}
  ~CublasLt() override {
    if (handle_ != nullptr) library_.destroy(handle_);
  }
  bool start() { return library_.create(&handle_) == CUBLAS_STATUS_SUCCESS; }

  std::string name() const override { return "cuBLASLt " + version_text(library_.get_version()); }
  bool multiply(Stream& stream, const PlainProduct& product) override;

 private:
  // What the library keeps of a shape; its own, since other versions have other sizes of them.
  template <class T>
  using Owned = std::unique_ptr<T, cublasStatus_t (*)(T*)>;
  struct Plan {
    Owned<cublasLtMatmulDescOpaque_t> operation;
    Owned<cublasLtMatrixLayoutOpaque_t> weight, x, out;
    cublasLtMatmulAlgo_t algorithm;  // its first proposal
  };
  using Shape = std::array<int, 4>;  // bfloat, rows, columns, depth
  std::optional<Plan> make_plan(const PlainProduct& product) const;
  Owned<cublasLtMatrixLayoutOpaque_t> layout(cudaDataType_t type, int height, int width) const;

  const Library library_;
  const Buffer workspace_;
  cublasLtHandle_t handle_ = nullptr;
  std::map<Shape, std::optional<Plan>> plans_;
};

CublasLt::Owned<cublasLtMatrixLayoutOpaque_t> CublasLt::layout(cudaDataType_t type, int height,
                                                               int width) const {
  cublasLtMatrixLayout_t made = nullptr;
  library_.create_layout(&made, type, static_cast<uint64_t>(height), static_cast<uint64_t>(width),
                         height);
  return {made, library_.destroy_layout};
}

// Its matrices are column by column: out^T = weight · x^T, where a row-major matrix is its own
// transpose.
std::optional<CublasLt::Plan> CublasLt::make_plan(const PlainProduct& p) const {
  const cudaDataType_t type = p.bfloat ? CUDA_R_16BF : CUDA_R_16F;
  cublasLtMatmulDesc_t operation = nullptr;
  library_.create_desc(&operation, CUBLAS_COMPUTE_32F, CUDA_R_32F);
  cublasLtMatmulPreference_t preference = nullptr;
  library_.create_preference(&preference);
  const Owned<cublasLtMatmulPreferenceOpaque_t> owned(preference, library_.destroy_preference);
  Plan plan{.operation = {operation, library_.destroy_desc},
            .weight = layout(type, p.depth, p.columns),
            .x = layout(type, p.depth, p.rows),
            .out = layout(CUDA_R_32F, p.columns, p.rows),
            .algorithm = {}};
  const cublasOperation_t transposed = CUBLAS_OP_T;
  const bool made =
      operation != nullptr && preference != nullptr && plan.weight && plan.x && plan.out &&
      library_.set_desc(operation, CUBLASLT_MATMUL_DESC_TRANSA, &transposed, sizeof(transposed)) ==
          CUBLAS_STATUS_SUCCESS &&
      library_.set_preference(preference, CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES,
                              &kWorkspaceBytes, sizeof(kWorkspaceBytes)) == CUBLAS_STATUS_SUCCESS;
  if (!made) return std::nullopt;
  cublasLtMatmulHeuristicResult_t found{};
  int count = 0;
  const cublasStatus_t status =
      library_.heuristic(handle_, operation, plan.weight.get(), plan.x.get(), plan.out.get(),
                         plan.out.get(), preference, 1, &found, &count);
  if (status != CUBLAS_STATUS_SUCCESS || count == 0) return std::nullopt;
  plan.algorithm = found.algo;
  return plan;
}

bool CublasLt::multiply(Stream& stream, const PlainProduct& p) {
  if (stream.error != 0) return true;
  const Shape shape{p.bfloat ? 1 : 0, p.rows, p.columns, p.depth};
  auto known = plans_.find(shape);
  if (known == plans_.end()) known = plans_.emplace(shape, make_plan(p)).first;
  if (!known->second) return false;
  const Plan& plan = *known->second;
  const float one = 1.0f;
  const float zero = 0.0f;
  const cublasStatus_t status = library_.matmul(
      handle_, plan.operation.get(), &one, p.weight, plan.weight.get(), p.x, plan.x.get(), &zero,
      p.out, plan.out.get(), p.out, plan.out.get(), &plan.algorithm, workspace_.as<void>(),
      kWorkspaceBytes, static_cast<cudaStream_t>(stream.handle));
  if (status != CUBLAS_STATUS_SUCCESS) {
    // It tells no CUDA error; a launch that did not work is one.
    stream.error = static_cast<int>(cudaErrorLaunchFailure);
    stream.failed_kernel = "cublasLtMatmul";
  }
  return true;
}

}  // namespace

Result<std::unique_ptr<PlainProducts>> load_cublaslt(Gpu& gpu) {
  WEFT_TRY_ASSIGN(const Library library, load_library());
  WEFT_TRY_ASSIGN(Buffer workspace, gpu.allocate(kWorkspaceBytes));
  auto products = std::make_unique<CublasLt>(library, std::move(workspace));
  if (!products->start()) {
    return fail(ErrorCode::kDeviceError, "math fastest: cuBLASLt does not start on this device");
  }
  return products;
}

}  // namespace weft::cuda
