#include "tests/support/cuda_emulator/warp_operations.h"

#include "core/half.h"

namespace weft::test {
namespace {

constexpr int kRows = 16, kColumns = 8, kDepth = 16;

float number(WarpOperation operation, uint32_t word, int half) {
  const auto bits = static_cast<uint16_t>(word >> (16 * half));
  return operation == WarpOperation::kMmaHalf ? float_from_half(bits) : float_from_bf16(bits);
}

// The layout of hardware.h, lane by lane. Products of two 16-bit floats are exact in double; their
// sum with the accumulator is rounded to float once.
void multiply(const WarpCalls& calls) {
  double a[kRows][kDepth];
  double b[kDepth][kColumns];
  const WarpOperation operation = calls[0]->operation;
  for (int lane = 0; lane < cuda::kWarp; ++lane) {
    const WarpCall& call = *calls[static_cast<std::size_t>(lane)];
    const int g = lane / 4;
    const int t = lane % 4;
    for (int half = 0; half < 2; ++half) {
      for (int word = 0; word < 4; ++word) {
        a[g + 8 * (word % 2)][2 * t + half + 8 * (word / 2)] =
            static_cast<double>(number(operation, call.a[word], half));
      }
      for (int word = 0; word < 2; ++word) {
        b[2 * t + half + 8 * word][g] = static_cast<double>(number(operation, call.b[word], half));
      }
    }
  }
  for (int lane = 0; lane < cuda::kWarp; ++lane) {
    float* d = calls[static_cast<std::size_t>(lane)]->d;
    for (int i = 0; i < 4; ++i) {
      const int row = lane / 4 + 8 * (i / 2);
      const int column = 2 * (lane % 4) + i % 2;
      double sum = static_cast<double>(d[i]);
      for (int k = 0; k < kDepth; ++k) sum += a[row][k] * b[k][column];
      d[i] = static_cast<float>(sum);
    }
  }
}

// hardware.h's load_matrices().
void give_matrices(const WarpCalls& calls) {
  for (int lane = 0; lane < cuda::kWarp; ++lane) {
    const WarpCall& call = *calls[static_cast<std::size_t>(lane)];
    const int g = lane / 4;
    const int t = lane % 4;
    for (int matrix = 0; matrix < 4; ++matrix) {
      const auto element = [&](int row, int column) {
        return uint32_t{calls[static_cast<std::size_t>(8 * matrix + row)]->row[column]};
      };
      call.words[matrix] = call.transposed ? element(2 * t, g) | element(2 * t + 1, g) << 16
                                           : element(g, 2 * t) | element(g, 2 * t + 1) << 16;
    }
  }
}

}  // namespace

const char* warp_operation_name(WarpOperation operation) {
  switch (operation) {
    case WarpOperation::kSync:
      return "sync_warp";
    case WarpOperation::kExchange:
      return "shuffle";
    case WarpOperation::kBallot:
      return "ballot";
    case WarpOperation::kMatrices:
      return "load_matrices";
    case WarpOperation::kMmaHalf:
      return "mma_half";
    case WarpOperation::kMmaBfloat:
      return "mma_bfloat";
    case WarpOperation::kWarpgroupFence:
      return "warpgroup_fence";
    case WarpOperation::kWarpgroupMultiply:
      return "warpgroup_multiply";
    case WarpOperation::kWarpgroupCommit:
      return "warpgroup_commit";
    case WarpOperation::kWarpgroupWait:
      return "warpgroup_wait";
    case WarpOperation::kNone:
      break;
  }
  return "no operation";
}

std::string serve(const WarpCalls& calls) {
  switch (calls[0]->operation) {
    case WarpOperation::kExchange: {
      std::array<uint64_t, cuda::kWarp> values{};
      for (std::size_t i = 0; i < calls.size(); ++i) values[i] = calls[i]->value;
      for (std::size_t i = 0; i < calls.size(); ++i) {
        const int source = calls[i]->source_lane;
        if (source < 0 || source >= cuda::kWarp) {
          return "lane " + std::to_string(i) + " asks lane " + std::to_string(source) +
                 " for its value";
        }
        calls[i]->value = values[static_cast<std::size_t>(source)];
      }
      return "";
    }
    case WarpOperation::kBallot: {
      uint64_t all = 0;
      for (std::size_t i = 0; i < calls.size(); ++i) all |= calls[i]->value << i;
      for (WarpCall* call : calls) call->value = all;
      return "";
    }
    case WarpOperation::kMatrices:
      give_matrices(calls);
      return "";
    case WarpOperation::kMmaHalf:
    case WarpOperation::kMmaBfloat:
      multiply(calls);
      return "";
    case WarpOperation::kSync:
    case WarpOperation::kWarpgroupFence:
    case WarpOperation::kWarpgroupMultiply:
    case WarpOperation::kWarpgroupCommit:
    case WarpOperation::kWarpgroupWait:
    case WarpOperation::kNone:
      break;
  }
  return "";
}

}  // namespace weft::test
