#include "gguf/finite_scan.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "core/quant/decode.h"

namespace weft::gguf {
namespace {

// A worker's buffer of floats: inside the second-level cache. A multiple of every block size.
constexpr int64_t kPiece = 1 << 14;
constexpr int64_t kPiecesBetweenReports = 1 << 12;
constexpr int64_t kNone = std::numeric_limits<int64_t>::max();

class Scanner {
 public:
  explicit Scanner(ThreadPool& pool) : pool_(pool), buffers_(pool.size()) {
    for (std::vector<float>& buffer : buffers_) buffer.resize(kPiece);
  }

  // The first element of pieces [first, last) that is not finite, or kNone.
  int64_t scan(const HostTensor& tensor, int64_t first, int64_t last) {
    std::atomic<int64_t> found = kNone;
    pool_.parallel_for(last - first, 1, [&](int64_t begin, int64_t end, int worker) {
      for (int64_t piece = first + begin; piece < first + end; ++piece) {
        const int64_t at = scan_piece(tensor, piece, buffers_[worker]);
        int64_t best = found.load();
        while (at < best && !found.compare_exchange_weak(best, at)) {
        }
      }
    });
    return found.load();
  }

 private:
  static int64_t scan_piece(const HostTensor& tensor, int64_t piece, std::vector<float>& buffer) {
    const int64_t start = piece * kPiece;
    const int64_t count = std::min(kPiece, tensor.elements() - start);
    // Rows are whole blocks, so pieces may cross them: the tensor is one long run of blocks.
    const int64_t offset = *row_bytes(tensor.type, start);
    decode_row(tensor.type, tensor.bytes.data() + offset, buffer.data(), count);
    const auto end = buffer.begin() + count;
    const auto at = std::find_if(buffer.begin(), end, [](float x) { return !std::isfinite(x); });
    return at == end ? kNone : start + (at - buffer.begin());
  }

  ThreadPool& pool_;
  std::vector<std::vector<float>> buffers_;
};

}  // namespace

Result<void> check_all_finite(const TensorList& tensors, ThreadPool& pool,
                              const ScanProgress& progress) {
  Scanner scanner(pool);
  uint64_t total = 0;
  for (const HostTensor& tensor : tensors) total += tensor.bytes.size();
  uint64_t done = 0;
  for (const HostTensor& tensor : tensors) {
    const int64_t pieces = (tensor.elements() + kPiece - 1) / kPiece;
    for (int64_t first = 0; first < pieces; first += kPiecesBetweenReports) {
      const int64_t last = std::min(pieces, first + kPiecesBetweenReports);
      const int64_t at = scanner.scan(tensor, first, last);
      if (at != kNone) {
        return fail(ErrorCode::kGgufNonFiniteWeight,
                    tensor.name + ": column " + std::to_string(at % tensor.cols()) + " of row " +
                        std::to_string(at / tensor.cols()) + " is NaN or infinite");
      }
      if (progress) progress(done + tensor.bytes.size() * last / pieces, total);
    }
    done += tensor.bytes.size();
  }
  return {};
}

}  // namespace weft::gguf
