#include "gguf/metadata.h"

#include <limits>

#include <gtest/gtest.h>

#include "gguf/reader.h"
#include "tests/support/gguf_builder.h"

namespace weft::gguf {
namespace {

using test::Bytes;
using test::GgufBuilder;

class GgufMetadata : public testing::Test {
 protected:
  GgufMetadata()
      : file_(GgufBuilder()
                  .number<uint8_t>("u8", 200)
                  .number<int8_t>("i8", -5)
                  .number<uint32_t>("u32", 4000000000u)
                  .number<int64_t>("i64", -7)
                  .number<uint64_t>("u64", std::numeric_limits<uint64_t>::max())
                  .number<float>("f32", 0.5f)
                  .number<double>("f64", 0.25)
                  .number<bool>("yes", true)
                  .string("text", "a\nb\xff")
                  .array<float>("floats", {1.0f, 2.5f})
                  .strings("words", {"x", "", "yz"})
                  .strings("nothing", {})
                  .build()),
        contents_(read(file_).value()),
        meta_(contents_.metadata) {}

  template <class T>
  ErrorCode code_of(const char* key) const {
    const auto value = meta_.get<T>(key);
    EXPECT_FALSE(value) << key;
    return value ? ErrorCode::kGenerationFailed : value.error().code;
  }

  Bytes file_;
  Contents contents_;
  const Metadata& meta_;
};

TEST_F(GgufMetadata, IntegersConvertWhereTheyFit) {
  EXPECT_EQ(meta_.get<uint32_t>("u8").value(), 200u);
  EXPECT_EQ(meta_.get<int16_t>("i8").value(), -5);
  EXPECT_EQ(meta_.get<int64_t>("u32").value(), 4000000000);
  EXPECT_EQ(meta_.get<int8_t>("i64").value(), -7);
  EXPECT_EQ(meta_.get<uint64_t>("u64").value(), std::numeric_limits<uint64_t>::max());
  EXPECT_EQ(code_of<int8_t>("u8"), ErrorCode::kGgufBadValue);
  EXPECT_EQ(code_of<uint32_t>("i8"), ErrorCode::kGgufBadValue);
  EXPECT_EQ(code_of<uint64_t>("i64"), ErrorCode::kGgufBadValue);
  EXPECT_EQ(code_of<int32_t>("u32"), ErrorCode::kGgufBadValue);
  EXPECT_EQ(code_of<int64_t>("u64"), ErrorCode::kGgufBadValue);
}

TEST_F(GgufMetadata, OtherTypesDoNotConvert) {
  EXPECT_EQ(meta_.get<float>("f32").value(), 0.5f);
  EXPECT_EQ(meta_.get<double>("f32").value(), 0.5);
  EXPECT_EQ(meta_.get<float>("f64").value(), 0.25f);
  EXPECT_TRUE(meta_.get<bool>("yes").value());
  EXPECT_EQ(code_of<float>("u8"), ErrorCode::kGgufWrongKeyType);
  EXPECT_EQ(code_of<uint32_t>("f32"), ErrorCode::kGgufWrongKeyType);
  EXPECT_EQ(code_of<uint32_t>("yes"), ErrorCode::kGgufWrongKeyType);
  EXPECT_EQ(code_of<bool>("u8"), ErrorCode::kGgufWrongKeyType);
  EXPECT_EQ(code_of<std::string_view>("floats"), ErrorCode::kGgufWrongKeyType);
  EXPECT_EQ(code_of<uint32_t>("absent"), ErrorCode::kGgufMissingKey);
}

TEST_F(GgufMetadata, ErrorsNameKeyFoundAndWanted) {
  EXPECT_EQ(meta_.get<uint32_t>("text").error().message,
            "text: string \"a\\nb\\xff\", expected an integer");
  EXPECT_EQ(meta_.get<uint32_t>("absent").error().message, "absent: missing, expected an integer");
  EXPECT_EQ(meta_.get<int8_t>("u8").error().message, "u8: 200 does not fit int8");
  EXPECT_EQ(meta_.get_array<int32_t>("floats").error().message,
            "floats: array of float32 [1, 2.5], expected an array of int32");
}

TEST_F(GgufMetadata, AbsentKeysTakeTheFallbackAndMistypedOnesDoNot) {
  EXPECT_EQ(meta_.get_or<uint32_t>("absent", 9).value(), 9u);
  EXPECT_EQ(meta_.get_or<uint32_t>("u8", 9).value(), 200u);
  EXPECT_EQ(meta_.get_or<uint32_t>("f32", 9).error().code, ErrorCode::kGgufWrongKeyType);
  EXPECT_FALSE(meta_.get_optional<bool>("absent").value().has_value());
}

TEST_F(GgufMetadata, ArraysNeedTheirExactElementType) {
  const auto floats = meta_.get_array<float>("floats");
  ASSERT_TRUE(floats);
  EXPECT_EQ(floats->to_vector(), (std::vector<float>{1.0f, 2.5f}));
  EXPECT_EQ((*floats)[1], 2.5f);
  EXPECT_EQ(meta_.get_array<double>("floats").error().code, ErrorCode::kGgufWrongKeyType);
  EXPECT_EQ(meta_.get_strings("floats").error().code, ErrorCode::kGgufWrongKeyType);
  EXPECT_EQ(meta_.get_strings("words").value(), (std::vector<std::string_view>{"x", "", "yz"}));
  EXPECT_TRUE(meta_.get_strings("nothing").value().empty());
}

TEST_F(GgufMetadata, ValuesPrintForPeople) {
  const auto print = [&](const char* key) { return meta_.find(key)->to_string(); };
  EXPECT_EQ(print("i8"), "-5");
  EXPECT_EQ(print("u64"), "18446744073709551615");
  EXPECT_EQ(print("f32"), "0.5");
  EXPECT_EQ(print("yes"), "true");
  EXPECT_EQ(print("text"), "\"a\\nb\\xff\"");
  EXPECT_EQ(print("words"), "[\"x\", \"\", \"yz\"]");
  EXPECT_EQ(meta_.find("words")->to_string(4), "[\"x\", ... 3 in all]");
  EXPECT_EQ(meta_.find("words")->type_string(), "array of string");
}

}  // namespace
}  // namespace weft::gguf
