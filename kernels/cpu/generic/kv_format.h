// How the KV cache's types are read: the groups of kernels/cpu/cpu_kv_cache.h as float32, over the
// vector types W and V of generic/attention.h and their storage types. A format has
//   Keys, Values      readers of a whole group where it lies
//   unpack_keys       a group's positions as float32 [element][position], from any block size
//   unpack_values     the same as [position][row]
// What is unpacked is read by the readers of float32.
//
// Blocks of fewer than kKeyGroup tokens have smaller groups, whose keys are gathered one by one:
// right for every block size, fast for those that hold whole groups.
#pragma once

#include "kernels/cpu/kernel_table.h"

namespace weft::cpu {

// The groups that hold kKeyGroup positions of one KV head.
struct HeadGroups {
  const std::byte* const* of_first_head;
  int64_t head_bytes;  // from the first head's group to this one's
};

// Null where no row sees any position of the group.
static inline const std::byte* group_at(HeadGroups groups, int32_t i) {
  const std::byte* first = groups.of_first_head[i];
  return first == nullptr ? nullptr : first + groups.head_bytes;
}

// Element `element` of the keys of positions p … p + 7, each `before` bytes into its group.
template <class V, class T>
static inline V gather_keys(const AttentionTile& tile, HeadGroups groups, int64_t before,
                            int32_t element, int32_t p) {
  T lanes[8] = {};
  for (int32_t j = 0; j < 8; ++j) {
    const std::byte* group = group_at(groups, (p + j) / tile.group);
    if (group == nullptr) continue;
    lanes[j] =
        reinterpret_cast<const T*>(group + before)[element * tile.group + (p + j) % tile.group];
  }
  return V::load(lanes);
}

// F32, F16 and BF16.
template <class W, class V, class T>
struct PlainKv {
  struct Keys {
    static constexpr int kBits = 8 * sizeof(T);
    Keys() = default;
    explicit Keys(const std::byte* group) : keys(reinterpret_cast<const T*>(group)) {}
    // Before elements [i, i + kKeyBlock) are read.
    void begin_block(int32_t) {}
    // Element i of the keys in vector j of the group's.
    W load(int32_t i, int j) const { return W::load(keys + i * kKeyGroup + W::kWidth * j); }

    const T* keys;
  };

  struct Values {
    static constexpr int kBits = 8 * sizeof(T);
    Values(const std::byte* group, int64_t elements)
        : values(reinterpret_cast<const T*>(group)), row(elements) {}
    // Vectors of position p from element i on.
    template <class Vector, int N>
    void load(int32_t p, int64_t i, Vector (&out)[N]) const {
#pragma GCC unroll 8
      for (int j = 0; j < N; ++j) {
        out[j] = Vector::load(values + p * row + i + Vector::kWidth * j);
      }
    }

    const T* values;
    int64_t row;
  };

  static void unpack_keys(const AttentionTile& tile, HeadGroups groups, float* out) {
    if (tile.group == kKeyGroup) {
      return convert(group_at(groups, 0), out, int64_t{tile.head_dim} * kKeyGroup);
    }
    for (int32_t i = 0; i < tile.head_dim; ++i) {
      for (int32_t p = 0; p < kKeyGroup; p += 8) {
        gather_keys<V, T>(tile, groups, 0, i, p).store(out + i * kKeyGroup + p);
      }
    }
  }

  static void unpack_values(const AttentionTile& tile, HeadGroups groups, float* out) {
    const int64_t n = int64_t{tile.group} * tile.row;
    for (int32_t i = 0; i < kKeyGroup / tile.group; ++i, out += n) {
      if (group_at(groups, i) != nullptr) convert(group_at(groups, i), out, n);
    }
  }

 private:
  // n is a multiple of 8.
  static void convert(const std::byte* bytes, float* out, int64_t n) {
    const T* in = reinterpret_cast<const T*>(bytes);
    for (int64_t i = 0; i < n; i += 8) V::load(in + i).store(out + i);
  }
};

// Blocks of a scale and 32 bytes: a token's along its head's elements.
template <class W, class V, class Half, class Byte>
struct Q8Kv {
  static constexpr int32_t kBlock = 32;
  static constexpr int32_t kBlockBytes = 34;
  static_assert(kBlock == kKeyBlock && sizeof(Half) + kBlock * sizeof(Byte) == kBlockBytes);

  struct Keys {
    static constexpr int kVectors = kKeyGroup / W::kWidth;
    static constexpr int kBits = 9;

    Keys() = default;
    explicit Keys(const std::byte* first) : group(first) {}
    void begin_block(int32_t i) {
      const std::byte* block = group + i / kBlock * kBlockBytes * kKeyGroup;
      for (int j = 0; j < kVectors; ++j) {
        scale[j] = W::load(reinterpret_cast<const Half*>(block) + W::kWidth * j);
      }
      keys = reinterpret_cast<const Byte*>(block + kKeyGroup * sizeof(Half)) - i * kKeyGroup;
    }
    W load(int32_t i, int j) const {
      return W::load(keys + i * kKeyGroup + W::kWidth * j) * scale[j];
    }

    const std::byte* group;
    const Byte* keys;
    W scale[kVectors];
  };

  struct Values {
    static constexpr int kBits = 9;
    Values(const std::byte* group, int64_t elements)
        : values(group), row_bytes(elements / kBlock * kBlockBytes) {}
    // All of one block.
    template <class Vector, int N>
    void load(int32_t p, int64_t i, Vector (&out)[N]) const {
#pragma GCC unroll 8
      for (int j = 0; j < N; ++j) {
        const int64_t at = i + Vector::kWidth * j;
        const std::byte* block = values + p * row_bytes + at / kBlock * kBlockBytes;
        const Byte* bytes = reinterpret_cast<const Byte*>(block + sizeof(Half)) + at % kBlock;
        out[j] = Vector::load(bytes) * Vector::set(*reinterpret_cast<const Half*>(block));
      }
    }

    const std::byte* values;
    int64_t row_bytes;
  };

  static void unpack_keys(const AttentionTile& tile, HeadGroups groups, float* out) {
    for (int32_t first = 0; first < tile.row; first += kBlock, out += kBlock * kKeyGroup) {
      if (tile.group == kKeyGroup) {
        Keys keys(group_at(groups, 0));
        keys.begin_block(first);
        for (int32_t i = 0; i < kBlock; ++i) {
          for (int j = 0; j < Keys::kVectors; ++j) {
            keys.load(first + i, j).store(out + i * kKeyGroup + W::kWidth * j);
          }
        }
        continue;
      }
      const int64_t scales = int64_t{first} / kBlock * kBlockBytes * tile.group;
      const int64_t bytes = scales + int64_t{tile.group} * static_cast<int64_t>(sizeof(Half));
      for (int32_t p = 0; p < kKeyGroup; p += 8) {
        const V scale = gather_keys<V, Half>(tile, groups, scales, 0, p);
        for (int32_t i = 0; i < kBlock; ++i) {
          (gather_keys<V, Byte>(tile, groups, bytes, i, p) * scale).store(out + i * kKeyGroup + p);
        }
      }
    }
  }

  static void unpack_values(const AttentionTile& tile, HeadGroups groups, float* out) {
    for (int32_t group = 0; group < kKeyGroup / tile.group; ++group) {
      const Values values(group_at(groups, group), tile.row);
      for (int32_t p = 0; p < tile.group; ++p, out += tile.row) {
        if (values.values == nullptr) continue;
        for (int32_t i = 0; i < tile.row; i += 32) {
          V block[4];
          values.load(p, i, block);
          for (int j = 0; j < 4; ++j) block[j].store(out + i + 8 * j);
        }
      }
    }
  }
};

}  // namespace weft::cpu
