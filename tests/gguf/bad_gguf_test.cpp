// Broken GGUF files, each by its row in the table of bad input: the error code it must give. What
// other engines crashed on, leaked or hung. Run under ASan and UBSan as well.
#include <cmath>
#include <ctime>
#include <limits>
#include <sys/stat.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include "gguf/check.h"
#include "gguf/file.h"
#include "gguf/reader.h"
#include "tests/gguf/tiny_model.h"
#include "tests/support/temp_folder.h"

namespace weft::gguf {
namespace {

using test::append;
using test::append_string;
using test::append_text;
using test::Bytes;
using test::GgufBuilder;
using test::load_bytes;
using test::TempFolder;
using test::TinyModel;

constexpr uint64_t kHuge[] = {uint64_t{1} << 31,
                              uint64_t{1} << 32,
                              uint64_t{1} << 61,
                              (uint64_t{1} << 61) + 1,
                              uint64_t{1} << 63,
                              std::numeric_limits<uint64_t>::max() - 7,
                              std::numeric_limits<uint64_t>::max()};
constexpr auto kF32 = static_cast<uint32_t>(DType::kF32);
constexpr auto kString = static_cast<uint32_t>(ValueType::kString);
constexpr auto kArray = static_cast<uint32_t>(ValueType::kArray);

// What goes wrong on the way from bytes to a model.
ErrorCode code_of(const Bytes& bytes) {
  // An exact copy on the heap, so that a sanitizer sees a step beyond it.
  const auto loaded = load_bytes(Bytes(bytes.begin(), bytes.end()));
  EXPECT_FALSE(loaded) << "the file loads";
  if (loaded) return ErrorCode::kGenerationFailed;
  EXPECT_FALSE(loaded.error().message.empty());
  return loaded.error().code;
}

ErrorCode code_of(const TinyModel& model) { return code_of(model.build()); }

// The error of a file with one tensor of these extents and no data for it.
ErrorCode code_of_tensor(const std::vector<uint64_t>& extents, uint32_t type = kF32,
                         uint64_t offset = 0) {
  return code_of(GgufBuilder().raw_tensor("t", extents, type, offset).data(Bytes(64)).build());
}

TEST(BadGguf, Row01_HugeCounts) {
  for (const uint64_t huge : kHuge) {
    GgufBuilder keys, tensors;
    keys.claimed_keys = huge;
    tensors.claimed_tensors = huge;
    EXPECT_EQ(code_of(keys.build()), ErrorCode::kGgufBadCount) << huge;
    EXPECT_EQ(code_of(tensors.build()), ErrorCode::kGgufBadCount) << huge;
    keys.string("key", "value");
    tensors.zeros("t", {8});
    EXPECT_EQ(code_of(keys.build()), ErrorCode::kGgufBadCount) << huge;
    EXPECT_EQ(code_of(tensors.build()), ErrorCode::kGgufBadCount) << huge;
  }
}

TEST(BadGguf, Row01_HugeLengths) {
  for (const uint64_t huge : kHuge) {
    // A key, a tensor's name and a string value that claim to be huge.
    Bytes key, length, name;
    append_text(key, "GGUF");
    append<uint32_t>(key, 3);
    append<uint64_t>(key, 0);
    append<uint64_t>(key, 1);
    append<uint64_t>(key, huge);
    key.resize(key.size() + 64);
    EXPECT_EQ(code_of(key), ErrorCode::kGgufBadCount) << huge;
    append<uint64_t>(length, huge);
    append_text(length, "text");
    EXPECT_EQ(code_of(GgufBuilder().raw("key", kString, length).build()), ErrorCode::kGgufBadCount);
    append_text(name, "GGUF");
    append<uint32_t>(name, 3);
    append<uint64_t>(name, 1);
    append<uint64_t>(name, 0);
    append<uint64_t>(name, huge);
    name.resize(name.size() + 64);
    EXPECT_EQ(code_of(name), ErrorCode::kGgufBadCount) << huge;
    // Arrays of every element type.
    for (uint32_t type = 0; type < kValueTypeEnd; ++type) {
      if (type == kArray) continue;
      Bytes array = GgufBuilder::array_header(type, huge);
      array.resize(array.size() + 40);
      EXPECT_EQ(code_of(GgufBuilder().raw("key", kArray, array).build()), ErrorCode::kGgufBadCount)
          << huge << " of type " << type;
    }
    // A string inside an array.
    Bytes inner = GgufBuilder::array_header(kString, 2);
    append_string(inner, "fine");
    append<uint64_t>(inner, huge);
    EXPECT_EQ(code_of(GgufBuilder().raw("key", kArray, inner).build()), ErrorCode::kGgufBadCount);
  }
}

TEST(BadGguf, Row02_MoreThanFourDimensions) {
  EXPECT_EQ(code_of_tensor({1, 1, 1, 1, 1}), ErrorCode::kGgufBadDimensions);
  // A count of dimensions that the file does not hold.
  Bytes file;
  append_text(file, "GGUF");
  append<uint32_t>(file, 3);
  append<uint64_t>(file, 1);
  append<uint64_t>(file, 0);
  append_string(file, "t");
  append<uint32_t>(file, std::numeric_limits<uint32_t>::max());
  file.resize(file.size() + 64);
  EXPECT_EQ(code_of(file), ErrorCode::kGgufBadDimensions);
}

TEST(BadGguf, Row03_SizesWhoseSumOverflows) {
  // Each size fits 63 bits, the padded sum of two or three does not fit 64.
  const uint64_t large = (uint64_t{1} << 61) - 8;  // × 4 bytes: just below 2^63
  for (const uint64_t second_offset :
       {uint64_t{0}, (uint64_t{1} << 63) - 32, std::numeric_limits<uint64_t>::max() - 31}) {
    GgufBuilder builder;
    builder.raw_tensor("a", {large}, kF32, 0)
        .raw_tensor("b", {large}, kF32, second_offset)
        .raw_tensor("c", {16}, kF32, second_offset)
        .data(Bytes(64));
    EXPECT_EQ(code_of(builder.build()), ErrorCode::kGgufBadOffset) << second_offset;
  }
}

TEST(BadGguf, Row04_DimensionsTimesStrideWrapping) {
  const uint64_t wraps = (uint64_t{1} << 42) + 1;
  EXPECT_EQ(code_of_tensor({wraps, wraps}), ErrorCode::kGgufBadDimensions);
  EXPECT_EQ(code_of_tensor({1, wraps, wraps, 1}), ErrorCode::kGgufBadDimensions);
  EXPECT_EQ(code_of_tensor({uint64_t{1} << 62}), ErrorCode::kGgufBadDimensions);  // × 4 bytes
  EXPECT_EQ(code_of_tensor({(uint64_t{1} << 61) + 2}), ErrorCode::kGgufBadDimensions);
  EXPECT_EQ(code_of_tensor({uint64_t{1} << 59, 2}, static_cast<uint32_t>(DType::kF64)),
            ErrorCode::kGgufBadDimensions);
}

TEST(BadGguf, Row05_ProductsThatWrapToZeroOrBelow) {
  const uint64_t half = uint64_t{1} << 32;
  EXPECT_EQ(code_of_tensor({half, half}), ErrorCode::kGgufBadDimensions);
  EXPECT_EQ(code_of_tensor({std::numeric_limits<int64_t>::max(), 2}),
            ErrorCode::kGgufBadDimensions);
  EXPECT_EQ(code_of_tensor({uint64_t{1} << 63}), ErrorCode::kGgufBadDimensions);
  EXPECT_EQ(code_of_tensor({std::numeric_limits<uint64_t>::max()}), ErrorCode::kGgufBadDimensions);
  EXPECT_EQ(code_of_tensor({half, half, half, half}), ErrorCode::kGgufBadDimensions);
}

TEST(BadGguf, Row06_DimensionOfZero) {
  EXPECT_EQ(code_of_tensor({0}), ErrorCode::kGgufBadDimensions);
  EXPECT_EQ(code_of_tensor({8, 0}), ErrorCode::kGgufBadDimensions);
  EXPECT_EQ(code_of_tensor({std::numeric_limits<uint64_t>::max(), 0}),
            ErrorCode::kGgufBadDimensions);
}

TEST(BadGguf, Row07_Alignment) {
  for (const uint32_t alignment :
       {0u, 1u, 4u, 7u, 31u, 33u, 48u, 1u << 22, 1u << 31, 0xffffffffu}) {
    GgufBuilder builder;
    builder.number<uint32_t>("general.alignment", alignment).zeros("t", {8});
    EXPECT_EQ(code_of(builder.build()), ErrorCode::kGgufBadAlignment) << alignment;
  }
  EXPECT_EQ(code_of(GgufBuilder().number<uint64_t>("general.alignment", 32).build()),
            ErrorCode::kGgufBadAlignment);
  EXPECT_EQ(code_of(GgufBuilder().number<uint8_t>("general.alignment", 32).build()),
            ErrorCode::kGgufBadAlignment);
  EXPECT_EQ(code_of(GgufBuilder().string("general.alignment", "32").build()),
            ErrorCode::kGgufBadAlignment);
}

TEST(BadGguf, Row08_OffsetsThatAreWrong) {
  constexpr uint64_t kMax = std::numeric_limits<uint64_t>::max();
  EXPECT_EQ(code_of_tensor({8}, kF32, 64), ErrorCode::kGgufBadOffset);         // past the end
  EXPECT_EQ(code_of_tensor({17}, kF32, 0), ErrorCode::kGgufBadOffset);         // ends past it
  EXPECT_EQ(code_of_tensor({16}, kF32, 32), ErrorCode::kGgufBadOffset);        // likewise
  EXPECT_EQ(code_of_tensor({8}, kF32, kMax - 31), ErrorCode::kGgufBadOffset);  // sum wraps
  EXPECT_EQ(code_of_tensor({8}, kF32, 4), ErrorCode::kGgufBadOffset);          // misaligned
  GgufBuilder overlap;
  overlap.raw_tensor("a", {16}, kF32, 0).raw_tensor("b", {8}, kF32, 32).data(Bytes(64));
  EXPECT_EQ(code_of(overlap.build()), ErrorCode::kGgufBadOffset);
  GgufBuilder same;
  same.raw_tensor("a", {8}, kF32, 0).raw_tensor("b", {8}, kF32, 0).data(Bytes(64));
  EXPECT_EQ(code_of(same.build()), ErrorCode::kGgufBadOffset);
}

TEST(BadGguf, Row08_FileCutAtEveryByte) {
  const Bytes whole = TinyModel().build();
  ASSERT_TRUE(load_bytes(whole));
  // All tensors have a multiple of 32 bytes but the last, whose padding may be missing.
  for (size_t size = 0; size < whole.size(); ++size) {
    const Bytes cut(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size));
    EXPECT_FALSE(load_bytes(cut)) << size << " of " << whole.size();
  }
}

TEST(BadGguf, Row08_MissingSplit) {
  const TempFolder folder;
  const std::string path =
      folder.write("m-00001-of-00002.gguf", GgufBuilder()
                                                .number<uint16_t>("split.no", 0)
                                                .number<uint16_t>("split.count", 2)
                                                .number<int32_t>("split.tensors.count", 2)
                                                .zeros("t", {8})
                                                .build());
  const CheckReport report = check_file(path, {});
  EXPECT_EQ(report.code, ErrorCode::kGgufMissingSplit);
  EXPECT_NE(report.message.find("m-00002-of-00002.gguf"), std::string::npos);
}

TEST(BadGguf, Row09_TypesThatDoNotExist) {
  for (const uint32_t type :
       {4u, 5u, 31u, 32u, 33u, 36u, 37u, 38u, 43u, 133u, 255u, 0x80000000u, 0xffffffffu}) {
    EXPECT_EQ(code_of_tensor({256}, type), ErrorCode::kGgufBadTensorType) << type;
  }
  for (const uint32_t type : {13u, 14u, 255u, 0x80000000u, 0xffffffffu}) {
    EXPECT_EQ(code_of(GgufBuilder().raw("key", type, Bytes(16)).build()),
              ErrorCode::kGgufBadValueType);
    EXPECT_EQ(code_of(GgufBuilder().raw("key", kArray, GgufBuilder::array_header(type, 1)).build()),
              ErrorCode::kGgufBadValueType);
  }
}

TEST(BadGguf, Row09_RowsThatAreNoWholeBlocks) {
  for (const DTypeInfo& type : all_dtypes()) {
    if (type.block_size == 1) continue;
    const auto id = static_cast<uint32_t>(type.type);
    EXPECT_EQ(code_of_tensor({type.block_size - 1}, id), ErrorCode::kGgufRowNotBlocks) << type.name;
    // The whole is a multiple of a block, a row is not.
    EXPECT_EQ(code_of_tensor({1, type.block_size}, id), ErrorCode::kGgufRowNotBlocks) << type.name;
  }
}

TEST(BadGguf, Row10_EmptyKey) {
  EXPECT_EQ(code_of(GgufBuilder().number<uint8_t>("", 1).build()), ErrorCode::kGgufBadKey);
  EXPECT_EQ(code_of(GgufBuilder().string(std::string_view("a\0b", 3), "").build()),
            ErrorCode::kGgufBadKey);
  EXPECT_EQ(code_of(GgufBuilder().string("\xff\xfe", "").build()), ErrorCode::kGgufBadKey);
  EXPECT_EQ(code_of(GgufBuilder().string(std::string(65536, 'k'), "").build()),
            ErrorCode::kGgufBadKey);
  EXPECT_EQ(code_of(GgufBuilder().zeros("", {8}).build()), ErrorCode::kGgufBadTensorName);
  EXPECT_EQ(code_of(GgufBuilder().zeros(std::string(65, 't'), {8}).build()),
            ErrorCode::kGgufBadTensorName);
  EXPECT_EQ(code_of(GgufBuilder().zeros("\x80", {8}).build()), ErrorCode::kGgufBadTensorName);
}

TEST(BadGguf, Row11_ScoresAndTypesOfANarrowerElementType) {
  TinyModel scores;
  scores.skip = "tokenizer.ggml.scores";
  scores.extra.array<uint8_t>(scores.skip, {0, 0, 0, 0});
  EXPECT_EQ(code_of(scores), ErrorCode::kGgufWrongKeyType);
  TinyModel types;
  types.skip = "tokenizer.ggml.token_type";
  types.extra.array<int16_t>(types.skip, {2, 3, 3, 1});
  EXPECT_EQ(code_of(types), ErrorCode::kGgufWrongKeyType);
  TinyModel tokens;
  tokens.skip = "tokenizer.ggml.tokens";
  tokens.extra.array<uint8_t>(tokens.skip, {0, 0, 0, 0});
  EXPECT_EQ(code_of(tokens), ErrorCode::kGgufWrongKeyType);
}

TEST(BadGguf, Row12_PartsOfTheVocabularyOfDifferentLengths) {
  for (const size_t length : {0u, 3u, 5u}) {
    TinyModel scores;
    scores.skip = "tokenizer.ggml.scores";
    scores.extra.array<float>(scores.skip, std::vector<float>(length));
    EXPECT_EQ(code_of(scores), ErrorCode::kGgufBadVocabulary) << length;
    TinyModel types;
    types.skip = "tokenizer.ggml.token_type";
    types.extra.array<int32_t>(types.skip, std::vector<int32_t>(length, 1));
    EXPECT_EQ(code_of(types), ErrorCode::kGgufBadVocabulary) << length;
  }
  TinyModel none;
  none.skip = "tokenizer.ggml.tokens";
  none.extra.strings(none.skip, {});
  EXPECT_EQ(code_of(none), ErrorCode::kGgufBadVocabulary);
  TinyModel nan;
  nan.skip = "tokenizer.ggml.scores";
  nan.extra.array<float>(nan.skip, {0, 0, std::nanf(""), 0});
  EXPECT_EQ(code_of(nan), ErrorCode::kGgufBadVocabulary);
}

TEST(BadGguf, Row12_MergeWithoutItsSpace) {
  for (const char* merge : {"", "ab", " ", "a ", " a", "  "}) {
    TinyModel model;
    model.skip = "tokenizer.ggml.model";
    model.extra.string(model.skip, "gpt2").strings("tokenizer.ggml.merges", {"< u", merge});
    EXPECT_EQ(code_of(model), ErrorCode::kGgufBadVocabulary) << '"' << merge << '"';
  }
}

TEST(BadGguf, Row13_SpecialIdsOutsideTheVocabulary) {
  for (const char* name : {"bos", "eos", "unknown", "padding", "eot", "eom"}) {
    const std::string key = std::string("tokenizer.ggml.") + name + "_token_id";
    for (const uint32_t id : {4u, 0x7fffffffu, 0x80000000u, 0xffffffffu}) {
      TinyModel model;
      model.extra.number<uint32_t>(key, id);
      EXPECT_EQ(code_of(model), ErrorCode::kGgufBadVocabulary) << key << " " << id;
    }
    TinyModel negative;
    negative.extra.number<int32_t>(key, -1);
    EXPECT_EQ(code_of(negative), ErrorCode::kGgufBadVocabulary) << key;
    TinyModel mistyped;
    mistyped.extra.string(key, "1");
    EXPECT_EQ(code_of(mistyped), ErrorCode::kGgufWrongKeyType) << key;
  }
}

TEST(BadGguf, Row13_AddBosWithoutABosId) {
  TinyModel model;
  model.skip = "tokenizer.ggml.model";
  model.extra.string(model.skip, "gpt2")
      .strings("tokenizer.ggml.merges", {"a a"})
      .number<bool>("tokenizer.ggml.add_bos_token", true);
  EXPECT_EQ(code_of(model), ErrorCode::kGgufBadVocabulary);
}

TEST(BadGguf, Row14_DuplicateTokenStringsLoad) {
  TinyModel model;
  model.skip = "tokenizer.ggml.tokens";
  model.extra.strings(model.skip, {"<unk>", "a", "a", "a"});
  const TempFolder folder;
  const CheckReport report = check_file(folder.write("m.gguf", model.build()), {});
  EXPECT_TRUE(report.ok) << report.message;
}

TEST(BadGguf, Row15_TokenTextThatIsTooLong) {
  TinyModel model;
  model.skip = "tokenizer.ggml.tokens";
  model.extra.strings(model.skip, {"<unk>", "<s>", "</s>", std::string((64 << 10) + 1, 'a')});
  EXPECT_EQ(code_of(model), ErrorCode::kGgufBadVocabulary);
}

TEST(BadGguf, Row15_TokenTextLongerThan31Bits) {
  // A file with a hole: the token's text takes no room on the disk.
  constexpr uint64_t kLength = (uint64_t{1} << 31) + 1;
  Bytes start;
  append_text(start, "GGUF");
  append<uint32_t>(start, 3);
  append<uint64_t>(start, 0);
  append<uint64_t>(start, 2);
  append_string(start, "tokenizer.ggml.model");
  append<uint32_t>(start, kString);
  append_string(start, "llama");
  append_string(start, "tokenizer.ggml.tokens");
  append<uint32_t>(start, kArray);
  append<uint32_t>(start, kString);
  append<uint64_t>(start, 1);
  append<uint64_t>(start, kLength);
  const TempFolder folder;
  const std::string path = folder.write("m.gguf", start);
  std::error_code error;
  std::filesystem::resize_file(path, start.size() + kLength, error);
  if (error) GTEST_SKIP() << "no file with a hole can be made here: " << error.message();
  EXPECT_EQ(check_file(path, {}).code, ErrorCode::kGgufBadVocabulary);
}

TEST(BadGguf, Row16_SizesOfZeroOrAbsurd) {
  for (const char* name : {"block_count", "context_length", "embedding_length",
                           "feed_forward_length", "attention.head_count"}) {
    TinyModel missing;
    missing.skip = std::string("llama.") + name;
    EXPECT_EQ(code_of(missing), ErrorCode::kGgufMissingKey) << name;
    for (const uint64_t value : {uint64_t{0}, uint64_t{1} << 31, (uint64_t{1} << 32) + 2,
                                 std::numeric_limits<uint64_t>::max()}) {
      TinyModel model = missing;
      model.extra.number<uint64_t>(missing.skip, value);
      EXPECT_EQ(code_of(model), ErrorCode::kGgufBadValue) << name << " " << value;
    }
    TinyModel negative = missing;
    negative.extra.number<int32_t>(missing.skip, -1);
    EXPECT_EQ(code_of(negative), ErrorCode::kGgufBadValue) << name;
    TinyModel mistyped = missing;
    mistyped.extra.number<float>(missing.skip, 2);
    EXPECT_EQ(code_of(mistyped), ErrorCode::kGgufWrongKeyType) << name;
  }
}

TEST(BadGguf, Row16_ValuesThatDoNotGoTogether) {
  const auto with = [](const char* key, uint32_t value) {
    TinyModel model;
    model.extra.number<uint32_t>(key, value);
    return code_of(model);
  };
  EXPECT_EQ(with("llama.attention.head_count_kv", 0), ErrorCode::kGgufBadValue);
  EXPECT_EQ(with("llama.attention.head_count_kv", 3), ErrorCode::kGgufBadValue);
  EXPECT_EQ(with("llama.attention.head_count_kv", 4), ErrorCode::kGgufBadValue);
  EXPECT_EQ(with("llama.attention.key_length", 0), ErrorCode::kGgufBadValue);
  EXPECT_EQ(with("llama.attention.key_length", 1u << 30), ErrorCode::kGgufBadValue);
  EXPECT_EQ(with("llama.attention.value_length", 2), ErrorCode::kUnsupported);
  EXPECT_EQ(with("llama.rope.dimension_count", 0), ErrorCode::kGgufBadValue);
  EXPECT_EQ(with("llama.rope.dimension_count", 3), ErrorCode::kGgufBadValue);
  EXPECT_EQ(with("llama.rope.dimension_count", 6), ErrorCode::kGgufBadValue);
  EXPECT_EQ(with("llama.expert_count", 8), ErrorCode::kUnsupported);
  TinyModel heads;  // 8 wide, 3 heads
  heads.skip = "llama.attention.head_count";
  heads.extra.number<uint32_t>(heads.skip, 3);
  EXPECT_EQ(code_of(heads), ErrorCode::kGgufBadValue);
}

TEST(BadGguf, Row16_FloatsThatMakeNoSense) {
  const auto with = [](const char* key, float value) {
    TinyModel model;
    model.skip = key;
    model.extra.number<float>(key, value);
    return code_of(model);
  };
  const float kNan = std::nanf("");
  const float kInfinity = std::numeric_limits<float>::infinity();
  for (const float bad : {kNan, kInfinity, -kInfinity, -1.0f, 0.0f}) {
    EXPECT_EQ(with("llama.attention.layer_norm_rms_epsilon", bad), ErrorCode::kGgufBadValue) << bad;
    EXPECT_EQ(with("llama.rope.freq_base", bad), ErrorCode::kGgufBadValue) << bad;
    EXPECT_EQ(with("llama.rope.scaling.attn_factor", bad), ErrorCode::kGgufBadValue) << bad;
    if (bad != 0) {
      EXPECT_EQ(with("llama.rope.scaling.factor", bad), ErrorCode::kGgufBadValue) << bad;
    }
  }
  TinyModel missing;
  missing.skip = "llama.attention.layer_norm_rms_epsilon";
  EXPECT_EQ(code_of(missing), ErrorCode::kGgufMissingKey);
}

TEST(BadGguf, Row17_EveryTensorMissing) {
  const Bytes whole = TinyModel().build();
  const auto contents = read(whole);
  ASSERT_TRUE(contents);
  for (const HostTensor& tensor : contents->tensors) {
    TinyModel model;
    model.skip = tensor.name;
    const auto loaded = load_bytes(model.build());
    ASSERT_FALSE(loaded) << tensor.name;
    EXPECT_EQ(loaded.error().code, ErrorCode::kGgufMissingTensor) << tensor.name;
    EXPECT_TRUE(loaded.error().message.starts_with(tensor.name + ": missing"));
  }
}

TEST(BadGguf, Row17_EveryTensorWithAnotherShape) {
  const Bytes whole = TinyModel().build();
  const auto contents = read(whole);
  ASSERT_TRUE(contents);
  for (const HostTensor& tensor : contents->tensors) {
    const auto cols = static_cast<uint64_t>(tensor.cols());
    const auto rows = static_cast<uint64_t>(tensor.rows());
    const std::vector<uint64_t> shapes[] = {
        {cols + 1, rows}, {cols, rows + 1}, {cols, rows, 2}, {1, 1, 1, cols * rows}};
    for (const auto& shape : shapes) {
      TinyModel model;
      model.skip = tensor.name;
      model.extra.zeros(tensor.name, shape);
      EXPECT_EQ(code_of(model), ErrorCode::kGgufWrongShape) << tensor.name;
    }
  }
  TinyModel model;
  model.skip = "blk.1.attn_q.weight";
  model.extra.zeros(model.skip, {8, 7});
  EXPECT_EQ(load_bytes(model.build()).error().message,
            "blk.1.attn_q.weight: shape [8, 7], expected [8, 8]");
}

TEST(BadGguf, Row17_NamesThatAreThereTwice) {
  TinyModel tensor;
  tensor.extra.zeros("token_embd.weight", {8, 4});
  EXPECT_EQ(code_of(tensor), ErrorCode::kGgufDuplicateTensor);
  TinyModel key;
  key.extra.number<uint32_t>("llama.block_count", 2);
  EXPECT_EQ(code_of(key), ErrorCode::kGgufDuplicateKey);
}

TEST(BadGguf, Row17_RopeFactorsThatDivideByZero) {
  for (const float bad : {0.0f, -1.0f, std::nanf("")}) {
    Bytes data;
    append(data, 1.0f);
    append(data, bad);
    TinyModel model;
    model.extra.tensor("rope_freqs.weight", {2}, DType::kF32, data);
    EXPECT_EQ(code_of(model), ErrorCode::kGgufBadValue) << bad;
  }
}

TEST(BadGguf, Row18_ArraysOfArrays) {
  // A million levels: a reader that recursed would run out of stack.
  Bytes nested;
  for (int i = 0; i < 1'000'000; ++i) {
    append<uint32_t>(nested, kArray);
    append<uint64_t>(nested, 1);
  }
  EXPECT_EQ(code_of(GgufBuilder().raw("key", kArray, nested).build()),
            ErrorCode::kGgufBadValueType);
}

// Work that grows with the square would take a million entries many minutes: a margin this wide
// tells the two apart under sanitizers and on a busy machine too. Processor time, for the same
// reason.
template <class Make>
void expect_linear(const Make& make) {
  const auto seconds = [&](int count) {
    const Bytes file = make(count);
    const std::clock_t start = std::clock();
    const auto contents = read(file);
    EXPECT_TRUE(contents) << contents.error().message;
    return static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC;
  };
  const double small = seconds(100'000);
  const double large = seconds(1'000'000);
  EXPECT_LT(large, 40 * small + 5) << small << " s for a tenth of it";
}

TEST(BadGguf, Row19_AMillionKeysInLinearTime) {
  expect_linear([](int count) {
    GgufBuilder builder;
    for (int i = 0; i < count; ++i) {
      builder.number<uint8_t>("key." + std::to_string((i * 7919LL) % count), 1);
    }
    return builder.build();
  });
}

TEST(BadGguf, Row19_AMillionTensorsInLinearTime) {
  expect_linear([](int count) {
    GgufBuilder builder;
    for (int i = 0; i < count; ++i) {
      builder.raw_tensor("t." + std::to_string(i), {1}, static_cast<uint32_t>(DType::kI8),
                         static_cast<uint64_t>(i) * 32);
    }
    return builder.data(Bytes(static_cast<size_t>(count) * 32)).build();
  });
}

TEST(BadGguf, Row20_OtherVersionsAndByteOrder) {
  for (const uint32_t version : {0u, 1u, 4u, 255u, 0x80000000u, 0xffffffffu}) {
    GgufBuilder builder;
    builder.version = version;
    EXPECT_EQ(code_of(builder.build()), ErrorCode::kGgufVersion) << version;
  }
  GgufBuilder big_endian;
  big_endian.version = 0x03000000;
  const auto contents = read(big_endian.build());
  ASSERT_FALSE(contents);
  EXPECT_EQ(contents.error().code, ErrorCode::kGgufVersion);
  EXPECT_NE(contents.error().message.find("big-endian"), std::string::npos);
}

TEST(BadGguf, Row20_WhatIsNoGguf) {
  const TempFolder folder;
  const auto check = [&](std::string_view text) {
    Bytes bytes;
    append_text(bytes, text);
    return check_file(folder.write("f", bytes), {}).code;
  };
  EXPECT_EQ(check(""), ErrorCode::kGgufBadMagic);
  EXPECT_EQ(check("{\"a\": 1}"), ErrorCode::kGgufBadMagic);
  EXPECT_EQ(check("ggml and more"), ErrorCode::kGgufBadMagic);
  EXPECT_EQ(check("FUGG\x00\x00\x00\x03"), ErrorCode::kGgufBadMagic);
  EXPECT_EQ(check("GGU"), ErrorCode::kGgufTruncated);
  EXPECT_EQ(check_file(folder.path("absent"), {}).code, ErrorCode::kNotFound);
  EXPECT_EQ(check_file(folder.path(""), {}).code, ErrorCode::kNotAFile);
}

TEST(BadGguf, Row20_FileWithoutPermission) {
  const TempFolder folder;
  const std::string path = folder.write("m.gguf", TinyModel().build());
  ASSERT_EQ(::chmod(path.c_str(), 0), 0);
  const bool was_root = ::geteuid() == 0;  // who may read everything
  if (was_root && ::seteuid(65534) != 0) GTEST_SKIP() << "cannot stop being root";
  const CheckReport report = check_file(path, {});
  if (was_root) {
    ASSERT_EQ(::seteuid(0), 0);
  }
  EXPECT_EQ(report.code, ErrorCode::kPermissionDenied);
}

TEST(BadGguf, Row20_FileThatShrinksAfterItWasOpened) {
  const TempFolder folder;
  const Bytes bytes = TinyModel().build();
  const std::string path = folder.write("m.gguf", bytes);
  const auto mapped = File::open(path);
  const auto copied = File::open(path, {.use_mmap = false});
  ASSERT_TRUE(mapped && copied);
  std::filesystem::resize_file(path, bytes.size() / 2);
  EXPECT_EQ(mapped->mappings()[0]->check_unchanged().error().code, ErrorCode::kFileChanged);
  // What was read into memory is whole still.
  EXPECT_TRUE(load_model(*copied));
}

TEST(BadGguf, UnknownArchitectureIsRefusedByName) {
  TinyModel model;
  model.architecture = "mamba";
  const auto loaded = load_bytes(model.build());
  ASSERT_FALSE(loaded);
  EXPECT_EQ(loaded.error().code, ErrorCode::kUnknownArchitecture);
  EXPECT_EQ(loaded.error().message,
            "general.architecture: \"mamba\", known are llama, qwen2, qwen3");
}

TEST(BadGguf, BoolsAreZeroOrOne) {
  const auto boolean = static_cast<uint32_t>(ValueType::kBool);
  EXPECT_EQ(code_of(GgufBuilder().raw("key", boolean, {std::byte{2}}).build()),
            ErrorCode::kGgufBadValue);
}

}  // namespace
}  // namespace weft::gguf
