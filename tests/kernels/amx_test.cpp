// The AMX kernels' logic over emulated tiles, and AVX-512 without VBMI: the bits of the AVX-512
// kernels.
#include "core/cpu_features.h"
#include "kernels/cpu/avx512/table.h"
#include "kernels/cpu/packed/activation_rows.h"
#include "kernels/cpu/packed/pack.h"
#include "tests/kernels/emulated_amx.h"
#include "tests/kernels/support.h"

namespace weft::test {
namespace {

class AmxTest : public IsaTestBase<> {
 protected:
  void SetUp() override {
    require("avx512");
    if (!detect_cpu_features().avx512_vbmi) GTEST_SKIP() << "this processor has no AVX-512 VBMI";
  }

  // All rows and columns of one layer.
  static std::vector<float> run(const cpu::PackedKernels& kernels, const cpu::PackedFormat& format,
                                const std::vector<std::byte>& groups, int64_t k, int64_t columns,
                                const std::vector<float>& x, int64_t rows) {
    cpu::ActivationRows memory;
    const cpu::Activations to = memory.prepare(rows, k, kernels);
    for (int64_t t = 0; t < rows; ++t) {
      kernels.quantize_row(&x[t * k], k, to.from(t));
    }
    std::vector<float> out(static_cast<std::size_t>(rows * columns), NAN);
    alignas(64) static std::byte scratch[cpu::kPackedScratch];
    kernels.linear(format.type)({.weight = groups.data(),
                                 .k = k,
                                 .columns = columns,
                                 .x = to,
                                 .rows = rows,
                                 .out = out.data(),
                                 .out_stride = columns},
                                0, (columns + 15) / 16, scratch);
    return out;
  }

  void compare(const cpu::PackedKernels& ours, const cpu::PackedKernels& theirs) {
    Random random{17};
    for (const cpu::PackedFormat& format : cpu::kPackedFormats) {
      const int64_t block = dtype_info(format.type).block_size;
      const int64_t k = 512 + 3 * block;
      const int64_t columns = 37;
      const auto bytes = random_blocks(random, format.type, 48 * k);
      const int64_t row_size = *row_bytes(format.type, k);
      const auto size = static_cast<std::size_t>(format.group_size(k));
      std::vector<std::byte> groups(3 * size);
      for (int64_t g = 0; g < 3; ++g) {
        cpu::pack_group(format, &bytes[static_cast<std::size_t>(16 * g * row_size)], row_size, 16,
                        k, &groups[static_cast<std::size_t>(g) * size]);
      }
      for (const int64_t rows : {1, 15, 16, 19, 112}) {
        const auto x = random_floats(random, rows * k);
        ASSERT_TRUE(same_bits(run(ours, format, groups, k, columns, x, rows),
                              run(theirs, format, groups, k, columns, x, rows)))
            << dtype_name(format.type) << ", " << rows << " rows";
      }
    }
  }
};

TEST_F(AmxTest, SixteenBitActivationsGiveTheBitsOfAvx512) {
  compare(emulated_amx_kernels().int16, table_->int16);
}

TEST_F(AmxTest, EightBitActivationsGiveTheBitsOfAvx512) {
  compare(emulated_amx_kernels().int8, table_->int8);
}

using Avx512Test = AmxTest;

TEST_F(Avx512Test, ProcessorsWithoutVbmiGetTheSameBits) {
  compare(cpu::avx512_kernels().int16, table_->int16);
  compare(cpu::avx512_kernels().int8, table_->int8);
}

}  // namespace
}  // namespace weft::test
