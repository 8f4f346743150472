// dst[i] = value i of the blocks at src, for every block format of core/quant/.
#include "kernels/cuda/dequantize.h"

#include <algorithm>
#include <type_traits>

#include "core/quant/blocks.h"

namespace weft::cuda {
namespace {

// Threads of a tile, each decoding one block. 32 blocks of 256 values are 33 KB of shared memory,
// within the 48 KB that need no opt-in; smaller blocks get more threads, up to 256.
template <typename Block>
constexpr int kTileBlocks = std::min(256, 32 * kSuperBlock / Block::kElements);

// More tiles than this are walked in a loop; enough to fill any GPU several times over.
constexpr int64_t kMaxGrid = 65536;

// A thread decodes its block into shared memory; then the tile is written out together, so that
// neighbouring threads write neighbouring values.
template <typename Block>
__global__ void dequantize(const Block* __restrict__ src, float* __restrict__ dst,
                           int64_t num_blocks) {
  constexpr int kTile = kTileBlocks<Block>;
  constexpr int kElements = Block::kElements;
  // One float of padding: rows of threads start in different banks.
  __shared__ float tile[kTile][kElements + 1];

  for (int64_t first = int64_t{blockIdx.x} * kTile; first < num_blocks;
       first += int64_t{gridDim.x} * kTile) {
    const int64_t left = num_blocks - first;
    const int count = left < kTile ? static_cast<int>(left) : kTile;
    const int thread = static_cast<int>(threadIdx.x);
    if (thread < count) decode_block(src[first + thread], tile[thread]);
    __syncthreads();
    for (int i = thread; i < count * kElements; i += kTile)
      dst[first * kElements + i] = tile[i / kElements][i % kElements];
    __syncthreads();
  }
}

}  // namespace

cudaError_t launch_dequantize(DType type, const void* src, float* dst, int64_t elements,
                              cudaStream_t stream) {
  return visit_block(type, [=](auto tag) -> cudaError_t {
    using Block = typename decltype(tag)::type;
    if constexpr (std::is_void_v<Block>) {
      return cudaErrorInvalidValue;
    } else {
      if (elements < 0 || elements % Block::kElements != 0) return cudaErrorInvalidValue;
      if (elements == 0) return cudaSuccess;
      constexpr int kTile = kTileBlocks<Block>;
      const int64_t num_blocks = elements / Block::kElements;
      const int64_t tiles = (num_blocks + kTile - 1) / kTile;
      const auto grid = static_cast<unsigned>(std::min(tiles, kMaxGrid));
      dequantize<<<grid, kTile, 0, stream>>>(static_cast<const Block*>(src), dst, num_blocks);
      return cudaGetLastError();
    }
  });
}

}  // namespace weft::cuda
