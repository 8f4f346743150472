// How good the encoders are on bell-shaped values of variance one: the root mean square of the
// error. Within the bounds of encode_test.cpp a worse choice of scales would go unnoticed.
#include <cmath>
#include <vector>

#include <gtest/gtest.h>

#include "core/quant/decode.h"
#include "gguf/quantize/encode.h"
#include "tests/quant/type_names.h"
#include "tests/support/random.h"

namespace weft::test {
namespace {

struct Quality {
  DType type;
  double rms;  // as measured when this was written, rounded up
};

constexpr Quality kQualities[] = {
    {DType::kQ4_0, 0.08181},   {DType::kQ4_1, 0.07551},   {DType::kQ5_0, 0.0406},
    {DType::kQ5_1, 0.03657},   {DType::kQ8_0, 0.00508},   {DType::kQ8_1, 0.00508},
    {DType::kQ2_K, 0.3213},    {DType::kQ3_K, 0.1505},    {DType::kQ4_K, 0.07565},
    {DType::kQ5_K, 0.03691},   {DType::kQ6_K, 0.01814},   {DType::kQ8_K, 0.006243},
    {DType::kIQ4_NL, 0.07792}, {DType::kIQ4_XS, 0.07799}, {DType::kTQ1_0, 0.7682},
    {DType::kTQ2_0, 0.7682},   {DType::kMXFP4, 0.1109},   {DType::kNVFP4, 0.09547},
    {DType::kQ1_0, 0.5876},    {DType::kQ2_0, 0.3737},
};

TEST(EncoderQuality, ErrorsAreNoLargerThanTheyWere) {
  Random random(12);
  std::vector<float> values(256 * 512);
  for (float& value : values) value = static_cast<float>(random.bell());
  const auto elements = static_cast<int64_t>(values.size());
  for (const Quality& quality : kQualities) {
    std::vector<std::byte> bytes(static_cast<size_t>(row_bytes(quality.type, elements).value()));
    std::vector<float> decoded(values.size());
    encode_row_function(quality.type)(values.data(), bytes.data(), elements);
    decode_row(quality.type, bytes.data(), decoded.data(), elements);
    double sum = 0.0;
    for (size_t i = 0; i < values.size(); ++i)
      sum += (double{values[i]} - decoded[i]) * (double{values[i]} - decoded[i]);
    EXPECT_LE(std::sqrt(sum / static_cast<double>(elements)), quality.rms)
        << dtype_name(quality.type);
  }
}

}  // namespace
}  // namespace weft::test
