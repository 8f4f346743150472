#include "tools/synth/tensor_encoder.h"

#include <algorithm>
#include <string>

#include "gguf/quantize/encode.h"
#include "tools/synth/random_points.h"
#include "tools/synth/weights.h"

namespace weft::synth {
namespace {

// Elements a thread takes at once: some milliseconds of work, and at most 512 KiB of bytes.
constexpr int64_t kPieceElements = int64_t{1} << 17;
// Pieces a thread may get between two hand-overs: many, so that the last ones to end keep the
// others waiting only for a small part of the time.
constexpr int64_t kPiecesPerThread = 16;

// Whole rows of one tensor, and where their bytes go in the buffer.
struct Piece {
  size_t tensor;
  int64_t first_row, rows;
  size_t offset, size_bytes;
};

class Encoder {
 public:
  Encoder(const Shape& shape, std::span<const TypedTensor> tensors, uint64_t seed, ThreadPool& pool,
          const ByteSink& sink)
      : tensors_(tensors),
        seed_(seed),
        pool_(pool),
        sink_(sink),
        rope_factors_(rope_factors(shape)),
        rows_(pool.size()) {}

  Result<void> run() {
    const size_t most_pieces = kPiecesPerThread * pool_.size();
    for (size_t t = 0; t < tensors_.size(); ++t) {
      const PlannedTensor& plan = tensors_[t].plan;
      const int64_t rows_at_once = std::max<int64_t>(1, kPieceElements / plan.cols);
      for (int64_t row = 0; row < plan.rows; row += rows_at_once) {
        add_piece(t, row, std::min(rows_at_once, plan.rows - row));
        if (pieces_.size() == most_pieces) WEFT_TRY(hand_over());
      }
    }
    return hand_over();
  }

 private:
  void add_piece(size_t tensor, int64_t first_row, int64_t rows) {
    const TypedTensor& t = tensors_[tensor];
    const auto size = static_cast<size_t>(rows * row_bytes(t.type, t.plan.cols).value());
    pieces_.push_back({tensor, first_row, rows, used_, size});
    used_ += size;
  }

  Result<void> hand_over() {
    if (buffer_.size() < used_) buffer_.resize(used_);
    pool_.parallel_for(std::ssize(pieces_), 1, [&](int64_t begin, int64_t end, int worker) {
      for (int64_t i = begin; i < end; ++i) encode(pieces_[i], worker);
    });
    WEFT_TRY(sink_(std::span(buffer_).first(used_)));
    pieces_.clear();
    used_ = 0;
    return {};
  }

  void encode(const Piece& piece, int worker) {
    const auto& [plan, type] = tensors_[piece.tensor];
    const EncodeRow encode_row = encode_row_function(type);
    const size_t size = piece.size_bytes / piece.rows;
    if (encode_row == nullptr) return draw_points(piece, size);
    std::vector<float>& row = rows_[worker];
    row.resize(plan.cols);
    for (int64_t r = 0; r < piece.rows; ++r) {
      if (plan.role == TensorRole::kRopeFactors) {
        std::copy(rope_factors_.begin(), rope_factors_.end(), row.begin());
      } else {
        const auto first = static_cast<uint64_t>((piece.first_row + r) * plan.cols);
        random_weights(seed_, static_cast<uint32_t>(piece.tensor), plan.law, first, row);
        if (piece.first_row + r < plan.quiet_rows) {
          for (float& weight : row) weight *= kQuietRowScale;
        }
      }
      encode_row(row.data(), buffer_.data() + piece.offset + r * size, plan.cols);
    }
  }

  void draw_points(const Piece& piece, size_t row_size) {
    const auto& [plan, type] = tensors_[piece.tensor];
    const auto row_blocks = static_cast<uint64_t>(plan.cols / dtype_info(type).block_size);
    for (int64_t r = 0; r < piece.rows; ++r) {
      const int64_t row = piece.first_row + r;
      const float scale = row < plan.quiet_rows ? kQuietRowScale : 1.0f;
      random_points(seed_, static_cast<uint32_t>(piece.tensor), type, scale * plan.law.deviation,
                    static_cast<uint64_t>(row) * row_blocks,
                    std::span(buffer_).subspan(piece.offset + r * row_size, row_size));
    }
  }

  std::span<const TypedTensor> tensors_;
  uint64_t seed_;
  ThreadPool& pool_;
  const ByteSink& sink_;
  std::vector<float> rope_factors_;
  std::vector<std::vector<float>> rows_;  // [workers]
  std::vector<Piece> pieces_;             // since the last hand-over
  std::vector<std::byte> buffer_;
  size_t used_ = 0;  // bytes of buffer_ that pieces_ take
};

}  // namespace

Result<std::vector<TypedTensor>> type_tensors(const Shape& shape, const FileType& type) {
  std::vector<TypedTensor> tensors;
  for (PlannedTensor& plan : plan_tensors(shape)) {
    const DType dtype = tensor_type(type, shape, plan.role, plan.layer, plan.cols);
    if (encode_row_function(dtype) == nullptr && !has_random_points(dtype)) {
      return fail(ErrorCode::kUnsupported,
                  plan.name + ": nothing here can encode " + std::string(dtype_name(dtype)));
    }
    tensors.push_back({std::move(plan), dtype});
  }
  return tensors;
}

Result<void> encode_tensors(const Shape& shape, std::span<const TypedTensor> tensors, uint64_t seed,
                            ThreadPool& pool, const ByteSink& sink) {
  return Encoder(shape, tensors, seed, pool, sink).run();
}

}  // namespace weft::synth
