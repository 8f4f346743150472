// Keys and values of a paged cache, a chunk of 32 positions of one KV head at a time, into shared
// memory as tensor cores take them: 16-bit floats, [position][element], a row's pieces of 16 bytes
// swapped by its number, so that the eight rows of a matrix lie in different banks. Device code.
//
// Chunks are asked for ahead by cp.async, in kStages turns. F16 and BF16 arrive where they are
// read. Q8_0 and F8_E4M3 arrive as codes and scales, and unpack() makes half floats of them, once
// for all rows of the block: element = half(code × scale), which for F8_E4M3 rounds nothing.
//
// What lies outside of the asked-for positions is zero: slots that nobody wrote hold anything, NaN
// too, which a weight of zero would not hide.
#pragma once

#include "kernels/cuda/attention.h"
#include "kernels/cuda/attention_merge.h"
#include "kernels/cuda/device/device.h"
#include "kernels/cuda/kv_layout.h"

namespace weft::cuda {

inline constexpr int kKvChunk = 32;

// Which keys and values a block reads.
struct KvSource {
  const KvLayer& keys;
  const KvLayer& values;
  const int32_t* blocks;  // of the sequence
  int kv_head;
  int first, last;  // positions

  WEFT_DEVICE bool has(int position) const { return position >= first && position <= last; }
  // Of the head's tokens in the block of a position that it has; in keys and values alike.
  WEFT_DEVICE int64_t block_offset(int position) const {
    return kv_head_offset(keys, load(blocks + (position >> keys.block_shift)), kv_head);
  }
  WEFT_DEVICE int offset_in_block(int position) const { return position & (keys.block_size - 1); }

  // 16 bytes of a position's row, in keys and values alike; none of what is not there.
  struct Piece {
    int64_t offset;
    int bytes;
  };
  WEFT_DEVICE Piece piece_of_row(int position, int piece) const {
    if (!has(position) || piece * 16 >= keys.row_bytes) return {0, 0};
    return {block_offset(position) + kv_row_offset(keys, offset_in_block(position)) + piece * 16,
            16};
  }
};

// Chunks of which one is read, the others on their way. Of few rows (four warps), which wait for
// memory, two; but chunks of 256 elements are 32 KB, and one is enough. Of many rows one, which
// comes from the second cache while 128 rows are worked on.
template <int kDim, int kThreads>
inline constexpr int kChunkStages = kDim <= 128 && kThreads <= 128 ? 3 : 2;

// kDim: elements of a row in shared memory, 64, 128 or 256; those beyond the cache's are zero.
template <int kDim>
struct KvTile {
  // Of 8 elements.
  WEFT_DEVICE static int element(int row, int piece) { return row * kDim + 8 * (piece ^ row % 8); }
  // From the element of a piece to that of the piece `count` on, in the same row; no bit of `count`
  // is in the piece's number. One operation, so that nobody keeps sixteen addresses in registers.
  WEFT_DEVICE static int pieces_on(int element, int count) { return element ^ 8 * count; }
};

template <DType kType, int kDim, int kThreads>
class KvChunks;

// F16 and BF16.
template <int kDim, int kThreads>
class PlainKvChunks {
 public:
  static constexpr int kStages = kChunkStages<kDim, kThreads>;
  static constexpr bool kUnpacks = false;
  struct Shared {
    SharedArray<uint16_t, kStages * kKvChunk * kDim> keys, values;
  };

  WEFT_DEVICE static void copy(Shared& shared, int stage, const KvSource& from, int chunk) {
    constexpr int kCopies = kKvChunk * (kDim / 8) / kThreads;
    if constexpr (kThreads > 128) {
      // Registers suffice for one at a time.
      WEFT_NO_UNROLL
      for (int i = 0; i < kCopies; ++i) copy_piece(shared, stage, from, chunk, i);
    } else {
      WEFT_UNROLL
      for (int i = 0; i < kCopies; ++i) copy_piece(shared, stage, from, chunk, i);
    }
  }
  // Where the chunk of a stage begins.
  WEFT_DEVICE static int first_element(int stage) { return stage * kKvChunk * kDim; }

 private:
  WEFT_DEVICE static void copy_piece(Shared& shared, int stage, const KvSource& from, int chunk,
                                     int i) {
    constexpr int kPieces = kDim / 8;
    const int index = i * kThreads + thread_index();
    const int row = index / kPieces;
    const int piece = index % kPieces;
    const auto [offset, bytes] = from.piece_of_row(chunk * kKvChunk + row, piece);
    const int to = first_element(stage) + KvTile<kDim>::element(row, piece);
    shared.keys.copy_async16(to, from.keys.data + offset, bytes);
    shared.values.copy_async16(to, from.values.data + offset, bytes);
  }
};

// Q8_0 and F8_E4M3.
template <DType kType, int kDim, int kThreads>
class CodedKvChunks {
  static constexpr int kPieces = kDim / 16;  // of 16 codes, in a row
  // Of a chunk: no token has more than a piece of 16 bytes, be it by 256 elements' eight halves or
  // by the padding of a block of one token.
  static constexpr int kScales = kKvChunk * 8;
  static constexpr int kGroupPiecesShift = 3;  // eight tokens of eight scales are eight pieces

 public:
  static constexpr int kStages = kChunkStages<kDim, kThreads>;
  static constexpr bool kUnpacks = true;
  struct Shared {
    SharedArray<uint16_t, kKvChunk * kDim> keys, values;
    SharedArray<uint32_t, kStages * kKvChunk * kDim / 4> key_codes, value_codes;
    SharedArray<uint16_t, kStages * kScales> key_scales, value_scales;
  };

  WEFT_DEVICE static void copy(Shared& shared, int stage, const KvSource& from, int chunk) {
    for (int index = thread_index(); index < kKvChunk * kPieces; index += kThreads) {
      const int row = index / kPieces;
      const int piece = index % kPieces;
      const auto [offset, bytes] = from.piece_of_row(chunk * kKvChunk + row, piece);
      const int to = (stage * kKvChunk * kPieces + index) * 4;
      shared.key_codes.copy_async16(to, from.keys.data + offset, bytes);
      shared.value_codes.copy_async16(to, from.values.data + offset, bytes);
    }
    const int shift = from.keys.scale_group_shift;
    const int pieces = from.keys.scale_group_bytes / 16;
    for (int index = thread_index(); index < kKvChunk >> shift << kGroupPiecesShift;
         index += kThreads) {
      const int group = index >> kGroupPiecesShift;
      const int piece = index % (1 << kGroupPiecesShift);
      if (piece >= pieces) continue;
      const int position = chunk * kKvChunk + (group << shift);
      // A group is within one block: any of its tokens tells where it lies.
      const bool there = position <= from.last && position + (1 << shift) > from.first;
      int64_t offset = 0;
      if (there) {
        offset = from.block_offset(position) +
                 kv_scale_group_offset(from.keys, from.offset_in_block(position)) + piece * 16;
      }
      const int to = stage * kScales + (group * pieces + piece) * 8;
      shared.key_scales.copy_async16(to, from.keys.data + offset, there ? 16 : 0);
      shared.value_scales.copy_async16(to, from.values.data + offset, there ? 16 : 0);
    }
  }

  // The same for all chunks: the addresses of a chunk's matrices would be kept in registers, of
  // which many rows on sm_100 and sm_120 have not enough.
  WEFT_DEVICE static int first_element(int) { return computed_anew(0); }

  // After the copies' wait and a barrier; before another one.
  WEFT_DEVICE static void unpack(Shared& shared, int stage, const KvSource& from, int chunk) {
    unpack_rows(shared.key_codes, shared.key_scales, shared.keys, stage, from, chunk);
    unpack_rows(shared.value_codes, shared.value_scales, shared.values, stage, from, chunk);
  }

 private:
  template <class Codes, class Scales, class Halves>
  WEFT_DEVICE static void unpack_rows(Codes& codes, Scales& scales, Halves& halves, int stage,
                                      const KvSource& from, int chunk) {
    for (int index = computed_anew(thread_index()); index < kKvChunk * kPieces; index += kThreads) {
      const int row = index / kPieces;
      const int piece = index % kPieces;
      // Neither a token nor an element that is not there may meet another's scale.
      const bool there = from.has(chunk * kKvChunk + row) && piece * 16 < from.keys.row_bytes;
      uint16_t scale = 0;
      if (there) {
        const int shift = from.keys.scale_group_shift;
        const int in_group = (row & ((1 << shift) - 1)) * from.keys.scales;
        scale = scales[stage * kScales + (row >> shift) * (from.keys.scale_group_bytes / 2) +
                       in_group + (kType == DType::kQ8_0 ? piece / 2 : 0)];
      }
      unpack_piece(codes.template load_as<Vec4>((stage * kKvChunk * kPieces + index) * 4), scale,
                   halves, row, piece);
    }
  }

  // Four codes as halves times a scale, twice two.
  WEFT_DEVICE static Vec2 halves(uint32_t codes, uint32_t scale) {
    if constexpr (kType == DType::kQ8_0) {
      // 1024 + (code + 128) as bits of a half; less 1152 is exact.
      const uint32_t shifted = codes ^ 0x80808080u;
      return {
          half2_mul(half2_sub(permute_bytes(shifted, 0x64646464u, 0x4140), 0x64806480u), scale),
          half2_mul(half2_sub(permute_bytes(shifted, 0x64646464u, 0x4342), 0x64806480u), scale)};
    } else {
      // Codes in the upper bytes; then sign, and the rest one place down (fp8.h).
      const uint32_t low = permute_bytes(codes, 0, 0x1404);
      const uint32_t high = permute_bytes(codes, 0, 0x3424);
      return {half2_mul((low & 0x80008000u) | (low >> 1 & 0x3f803f80u), scale),
              half2_mul((high & 0x80008000u) | (high >> 1 & 0x3f803f80u), scale)};
    }
  }

  WEFT_DEVICE static void unpack_piece(Vec4 codes, uint16_t scale,
                                       SharedArray<uint16_t, kKvChunk * kDim>& to, int row,
                                       int piece) {
    const uint32_t twice = pack16(scale, scale);
    const Vec2 a = halves(codes.x, twice);
    const Vec2 b = halves(codes.y, twice);
    const Vec2 c = halves(codes.z, twice);
    const Vec2 d = halves(codes.w, twice);
    const Vec4 out[2] = {{a.x, a.y, b.x, b.y}, {c.x, c.y, d.x, d.y}};
    // Eight lanes write at a time, to every second piece of a row: half of them the odd ones first,
    // so that all banks are met.
    const bool odd = piece / 4 % 2 != 0;
    to.store_as(KvTile<kDim>::element(row, 2 * piece + (odd ? 1 : 0)), odd ? out[1] : out[0]);
    to.store_as(KvTile<kDim>::element(row, 2 * piece + (odd ? 0 : 1)), odd ? out[0] : out[1]);
  }
};

template <int kDim, int kThreads>
class KvChunks<DType::kF16, kDim, kThreads> : public PlainKvChunks<kDim, kThreads> {};
template <int kDim, int kThreads>
class KvChunks<DType::kBF16, kDim, kThreads> : public PlainKvChunks<kDim, kThreads> {};
template <int kDim, int kThreads>
class KvChunks<DType::kQ8_0, kDim, kThreads> : public CodedKvChunks<DType::kQ8_0, kDim, kThreads> {
};
template <int kDim, int kThreads>
class KvChunks<DType::kF8_E4M3, kDim, kThreads>
    : public CodedKvChunks<DType::kF8_E4M3, kDim, kThreads> {};

}  // namespace weft::cuda
