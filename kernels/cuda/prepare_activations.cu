// values[r][k] = half(x[r][k] × 2^e[r]),  inverse_scales[r] = 2^-e[r],  and the groups' sums.
#include "kernels/cuda/prepare_activations.h"

#include "core/half.h"
#include "kernels/cuda/device/launch.h"
#include "kernels/cuda/half_scale.h"

namespace weft::cuda {
namespace {

struct PrepareActivations {
  static constexpr const char* kName = "prepare_activations";
  static constexpr int kThreads = 256;
  static constexpr int kWarps = kThreads / kWarp;
  struct Shared {
    SharedArray<float, kWarps> maxima;
  };

  const float* x;
  int rows;
  int cols;
  bool bfloat;
  PreparedRows out;

  // Of rows beyond the last, nothing.
  WEFT_DEVICE float value(const float* row, int k) const {
    return k < cols && block_index().x < rows ? load(row + k) : 0.0f;
  }

  WEFT_DEVICE float row_scale(Shared& shared, const float* row) const {
    float largest = 0.0f;
    for (int k = thread_index(); k < cols; k += kThreads) {
      const float magnitude = fabsf(value(row, k));
      // NaN must win.
      largest = magnitude > largest || magnitude != magnitude ? magnitude : largest;
    }
    // Bits of magnitudes order as they do, NaN above all.
    uint32_t bits = bits_from_float(largest);
    WEFT_UNROLL
    for (int mask = kWarp / 2; mask > 0; mask /= 2) {
      const uint32_t other = shuffle_xor(bits, mask);
      bits = other > bits ? other : bits;
    }
    if (lane_index() == 0) shared.maxima[warp_index()] = float_from_bits(bits);
    sync_threads();
    bits = 0;
    WEFT_UNROLL
    for (int warp = 0; warp < kWarps; ++warp) {
      const uint32_t other = bits_from_float(shared.maxima[warp]);
      bits = other > bits ? other : bits;
    }
    return half_scale(float_from_bits(bits));
  }

  WEFT_DEVICE void operator()(Shared& shared) const {
    const int r = block_index().x;
    const float* row = x + int64_t{r} * cols;
    const float scale = bfloat ? 1.0f : row_scale(shared, row);
    if (thread_index() == 0 && r < rows) store(out.inverse_scales + r, 1.0f / scale);

    // A thread takes octets; a warp 256 columns, whose sums it writes.
    for (int block = warp_index(); block < blocks_of(out.units); block += kWarps) {
      const int k = block * kBlockColumns + 8 * lane_index();
      uint32_t words[4];
      float sum = 0.0f;
      WEFT_UNROLL
      for (int i = 0; i < 4; ++i) {
        const float low = value(row, k + 2 * i) * scale;
        const float high = value(row, k + 2 * i + 1) * scale;
        words[i] = bfloat ? bfloat2_of(low, high) : half2_of(low, high);
        sum += float_of_half(static_cast<uint16_t>(words[i]));
        sum += float_of_half(static_cast<uint16_t>(words[i] >> 16));
      }
      if (out.staged_rows != 0) transpose(words);
      if (k < out.units * kUnitColumns) {
        store(reinterpret_cast<Vec4*>(out.values + place(r, k / kUnitColumns, lane_index() % 8)),
              Vec4{words[0], words[1], words[2], words[3]});
      }
      if (!bfloat) write_sums(r, block, sum);
    }
  }

  // Where the octet of 8 (or 16 bytes of a staged row) of a unit begins, in elements.
  WEFT_DEVICE int64_t place(int row, int unit, int octet) const {
    if (out.staged_rows == 0) return (int64_t{row} * out.units + unit) * kUnitColumns + 8 * octet;
    return (int64_t{unit} * out.staged_rows + row) * kUnitColumns + 8 * (octet ^ row % 8);
  }

  // Of the four lanes of a chunk: word t' of lane t becomes word t of lane t'.
  WEFT_DEVICE static void transpose(uint32_t (&words)[4]) {
    WEFT_UNROLL
    for (int mask = 1; mask <= 2; mask *= 2) {
      const bool upper = (lane_index() & mask) != 0;
      WEFT_UNROLL
      for (int i = 0; i < 4; ++i) {
        if ((i & mask) != 0) continue;
        // The lower lane keeps word i and gives the one beyond it, the upper lane the reverse.
        const uint32_t other = shuffle_xor(upper ? words[i] : words[i + mask], mask);
        (upper ? words[i] : words[i + mask]) = other;
      }
    }
  }

  // From the sums of the lanes' octets.
  WEFT_DEVICE void write_sums(int r, int block, float sum) const {
    const int lane = lane_index();
    const float of16 = sum + shuffle_xor(sum, 1);
    const float of32 = of16 + shuffle_xor(of16, 2);
    // Lanes 0 … 3 gather groups 2t, 2t + 1 of 32; lanes 4 … 11 those of 16.
    const bool wide = lane < 4;
    const int source = wide ? 8 * lane : 4 * (lane - 4);
    const float first32 = shuffle(of32, source % kWarp);
    const float second32 = shuffle(of32, (source + 4) % kWarp);
    const float first16 = shuffle(of16, source % kWarp);
    const float second16 = shuffle(of16, (source + 2) % kWarp);
    const float first = (wide ? first32 : first16) * (1.0f / kSumScale);
    const float second = (wide ? second32 : second16) * (1.0f / kSumScale);
    const uint32_t high = half2_of(first, second);
    const uint32_t low = half2_of(first - float_of_half(static_cast<uint16_t>(high)),
                                  second - float_of_half(static_cast<uint16_t>(high >> 16)));
    if (lane >= PreparedRows::kSumsOfBlock) return;
    if (out.staged_rows == 0) {
      store(out.sums + (int64_t{r} * blocks_of(out.units) + block) * PreparedRows::kSumsOfBlock +
                lane,
            Vec2{high, low});
    } else {
      const int64_t eight = int64_t{block} * 3 + lane / 4;
      const int64_t piece = (eight * (out.staged_rows / 8) + r / 8) * 2;
      uint32_t* to = reinterpret_cast<uint32_t*>(out.sums) + piece * 32 + r % 8 * 4 + lane % 4;
      store(to, high);
      store(to + 32, low);
    }
  }
};

}  // namespace

void prepare_activations(Stream& stream, Mat x, bool bfloat, const PreparedRows& out) {
  launch(stream, {.x = out.staged_rows != 0 ? out.staged_rows : out.rows},
         PrepareActivations{.x = x.data,
                            .rows = static_cast<int>(x.rows),
                            .cols = static_cast<int>(x.cols),
                            .bfloat = bfloat,
                            .out = out});
}

}  // namespace weft::cuda
