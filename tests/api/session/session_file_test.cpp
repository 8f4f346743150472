// The session format: what is written is read, and nothing else is.
#include "api/session/session_file.h"

#include <cstring>

#include <gtest/gtest.h>
#include <xxhash.h>

#include "tests/support/random.h"
#include "tests/support/small_files_only.h"
#include "tests/support/temp_folder.h"

namespace weft {
namespace {

using Bytes = std::vector<std::byte>;

constexpr int32_t kBlockTokens = 2;
constexpr size_t kBlockBytes = 6;

Session session() {
  Session s{.model = 0x0123456789abcdef,
            .ids = {1, -1, 96, 1 << 30, 7},
            .num_prompt = 3,
            .sampling = {.temperature = 0.5f,
                         .top_k = -1,
                         .top_p = 0.25f,
                         .min_p = 0.125f,
                         .repetition_penalty = 1.5f,
                         .presence_penalty = -2,
                         .frequency_penalty = 3,
                         .seed = 0xfedcba9876543210,
                         .sample_index = 9,
                         .logit_bias = {{5, 1.5f}, {6, -2.5f}}},
            .kv_identity = "some kernels",
            .kv_tokens = 4};
  for (size_t i = 0; i < 2 * kBlockBytes; ++i) s.kv.push_back(static_cast<std::byte>(17 * i));
  return s;
}

SessionLimits limits() {
  return {.max_ids = 5,
          .kv_identity = "some kernels",
          .block_tokens = kBlockTokens,
          .block_bytes = kBlockBytes};
}

void expect_equal(const Session& a, const Session& b) {
  EXPECT_EQ(a.model, b.model);
  EXPECT_EQ(a.ids, b.ids);
  EXPECT_EQ(a.num_prompt, b.num_prompt);
  const SamplingParams &x = a.sampling, &y = b.sampling;
  EXPECT_EQ(
      std::tie(x.temperature, x.top_k, x.top_p, x.min_p, x.repetition_penalty, x.presence_penalty,
               x.frequency_penalty, x.seed, x.sample_index, x.logit_bias),
      std::tie(y.temperature, y.top_k, y.top_p, y.min_p, y.repetition_penalty, y.presence_penalty,
               y.frequency_penalty, y.seed, y.sample_index, y.logit_bias));
  EXPECT_EQ(a.kv_identity, b.kv_identity);
  EXPECT_EQ(a.kv_tokens, b.kv_tokens);
  EXPECT_EQ(a.kv, b.kv);
}

Error error_of(const Bytes& bytes, const SessionLimits& with = limits()) {
  const auto parsed = parse_session(bytes, with);
  EXPECT_FALSE(parsed);
  return parsed ? Error{} : parsed.error();
}

// With the checksums that the bytes should have, so that what is behind them is reached.
Bytes resealed(Bytes bytes) {
  const auto seal = [&](size_t at) {
    const uint64_t hash = XXH3_64bits(bytes.data(), at);
    std::memcpy(bytes.data() + at, &hash, sizeof(hash));
  };
  seal(120);
  seal(bytes.size() - 8);
  return bytes;
}

Bytes with_number(Bytes bytes, size_t at, uint64_t value) {
  std::memcpy(bytes.data() + at, &value, sizeof(value));
  return resealed(bytes);
}

TEST(SessionFile, WhatIsWrittenIsRead) {
  const Bytes bytes = session_bytes(session());
  const auto parsed = parse_session(bytes, limits());
  ASSERT_TRUE(parsed) << parsed.error().message;
  expect_equal(*parsed, session());
  const auto empty = parse_session(session_bytes({}), {});
  ASSERT_TRUE(empty) << empty.error().message;
  expect_equal(*empty, {});
  // The same through a file, block by block.
  const test::TempFolder folder;
  const Session whole = session();
  ASSERT_TRUE(write_session(
      folder.path("s"), whole,
      {.count = 2, .block_bytes = kBlockBytes, .read = [&](int64_t i, std::span<std::byte> into) {
         std::memcpy(into.data(), &whole.kv[i * kBlockBytes], kBlockBytes);
       }}));
  const auto read = read_session(folder.path("s"), limits());
  ASSERT_TRUE(read) << read.error().message;
  expect_equal(*read, whole);
}

// The layout is a promise to files that exist: these are its bytes.
TEST(SessionFile, TheLayoutIsTheDocumentedOne) {
  const Bytes bytes = session_bytes(session());
  ASSERT_EQ(bytes.size(), 128u + 5 * 4 + 2 * 8 + 12 + 12 + 8);
  EXPECT_EQ(std::memcmp(bytes.data(), "WEFTSESS\x02\0\0\0\0\0\0\0", 16), 0);
  const auto number = [&](size_t at) {
    uint64_t value;
    std::memcpy(&value, bytes.data() + at, sizeof(value));
    return value;
  };
  EXPECT_EQ(number(16), bytes.size());
  EXPECT_EQ(number(24), 0x0123456789abcdefu);
  EXPECT_EQ(number(32), 5u);
  EXPECT_EQ(number(40), 3u);
  EXPECT_EQ(number(80), 0xfedcba9876543210u);
  EXPECT_EQ(number(88), 2u);
  EXPECT_EQ(number(96), 12u);
  EXPECT_EQ(number(104), 4u);
  EXPECT_EQ(number(112), 12u);
  EXPECT_EQ(number(120), XXH3_64bits(bytes.data(), 120));
  EXPECT_EQ(std::memcmp(bytes.data() + 128 + 36, "some kernels", 12), 0);
  EXPECT_EQ(number(bytes.size() - 8), XXH3_64bits(bytes.data(), bytes.size() - 8));
}

TEST(SessionFile, IsRefusedWhereverItIsCut) {
  const Bytes bytes = session_bytes(session());
  for (size_t n = 0; n < bytes.size(); ++n) {
    const Error error = error_of(Bytes(bytes.begin(), bytes.begin() + static_cast<long>(n)));
    EXPECT_EQ(error.code, ErrorCode::kInvalidArgument) << n;
    EXPECT_NE(error.message.find("cut off"), std::string::npos) << n << ": " << error.message;
  }
  Bytes longer = bytes;
  longer.push_back({});
  EXPECT_NE(error_of(longer).message.find("cut off or damaged"), std::string::npos);
}

TEST(SessionFile, IsRefusedWhateverBitIsFlipped) {
  const Bytes bytes = session_bytes(session());
  for (size_t n = 0; n < bytes.size(); ++n) {
    for (int bit = 0; bit < 8; ++bit) {
      Bytes changed = bytes;
      changed[n] ^= static_cast<std::byte>(1 << bit);
      EXPECT_FALSE(parse_session(changed, limits())) << n << ", bit " << bit;
      // The KV of other kernels is not used, and damage in it is found all the same.
      EXPECT_FALSE(parse_session(changed, {.max_ids = 5})) << n << ", bit " << bit;
    }
  }
}

TEST(SessionFile, OtherKindsAndVersionsAreNamed) {
  const Bytes bytes = session_bytes(session());
  const auto text = [](std::string content) {
    content.resize(200, ' ');
    const auto view = std::as_bytes(std::span(content));
    return Bytes(view.begin(), view.end());
  };
  EXPECT_EQ(error_of(text("GGUF")).message, "not a session: it does not begin with WEFTSESS");
  Error error = error_of(text("WEFTSES1"));
  EXPECT_EQ(error.code, ErrorCode::kUnsupported);
  EXPECT_EQ(error.message, "a session of version 1, from an older weft; this one reads version 2");
  Bytes later = bytes;
  later[8] = std::byte{3};
  error = error_of(resealed(later));
  EXPECT_EQ(error.code, ErrorCode::kUnsupported);
  EXPECT_EQ(error.message, "a session of version 3, this weft reads version 2");
}

TEST(SessionFile, ForgedCountsAreRefusedBeforeMemoryIsTaken) {
  const Bytes bytes = session_bytes(session());
  const uint64_t huge[] = {~uint64_t{0}, uint64_t{1} << 62, uint64_t{1} << 61, 1000, 0};
  for (const size_t at : {32, 88, 96, 112}) {  // ids, biases, identity, KV
    for (const uint64_t value : huge) {
      const Error error = error_of(with_number(bytes, at, value));
      EXPECT_TRUE(error.message.starts_with("damaged: counts")) << at << ": " << error.message;
    }
  }
  for (const size_t at : {40, 104}) {  // of the ids
    EXPECT_EQ(error_of(with_number(bytes, at, 6)).message,
              "damaged: counts that do not fit together");
  }
  EXPECT_EQ(error_of(with_number(bytes, 104, 3)).message, "damaged: 12 bytes of KV for 3 tokens");
  EXPECT_EQ(error_of(with_number(bytes, 104, 2)).message, "damaged: 12 bytes of KV for 2 tokens");
  EXPECT_EQ(error_of(with_number(bytes, 16, 5)).message,
            "cut off or damaged: 196 bytes, it was written with 5");
}

TEST(SessionFile, MoreIdsThanFitAreRefused) {
  SessionLimits small = limits();
  small.max_ids = 4;
  const Error error = error_of(session_bytes(session()), small);
  EXPECT_EQ(error.code, ErrorCode::kLimitExceeded);
  EXPECT_EQ(error.message, "a session of 5 tokens, the context holds 4");
}

TEST(SessionFile, KvOfOtherKernelsIsLeftOut) {
  SessionLimits other = limits();
  other.kv_identity = "others";
  const auto parsed = parse_session(session_bytes(session()), other);
  ASSERT_TRUE(parsed);
  EXPECT_EQ(parsed->ids, session().ids);
  EXPECT_EQ(parsed->kv_tokens, 0);
  EXPECT_TRUE(parsed->kv.empty());
}

TEST(SessionFile, RandomBytesBehindAGoodHeaderAreRefused) {
  const Bytes bytes = session_bytes(session());
  test::Random random(1);
  for (int i = 0; i < 20000; ++i) {
    Bytes changed = bytes;
    for (int n = random.below(4); n >= 0; --n) {
      changed[static_cast<size_t>(random.below(static_cast<int32_t>(bytes.size())))] =
          static_cast<std::byte>(random.next());
    }
    const auto parsed = parse_session(changed, limits());
    EXPECT_TRUE(!parsed || changed == bytes);
    if (const auto sealed = parse_session(resealed(changed), limits())) {
      EXPECT_LE(sealed->ids.size(), 5u);
    }
  }
}

TEST(SessionFile, AFullDiskLeavesWhatWasThere) {
  const test::TempFolder folder;
  Session large = session();
  ASSERT_TRUE(write_session(folder.path("s"), large, {}));
  large.ids.assign(1'000'000, 3);
  {
    const test::SmallFilesOnly disk(10'000);
    const auto written = write_session(folder.path("s"), large, {});
    ASSERT_FALSE(written);
    EXPECT_EQ(written.error().code, ErrorCode::kNoSpace);
    const auto another = write_session(folder.path("t"), large, {});
    ASSERT_FALSE(another);
  }
  EXPECT_EQ(folder.file_count(), 1u);
  EXPECT_TRUE(read_session(folder.path("s"), limits()));
}

TEST(SessionFile, ErrorsNameTheFile) {
  const test::TempFolder folder;
  const auto none = read_session(folder.path("none"), limits());
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().code, ErrorCode::kNotFound);
  EXPECT_TRUE(none.error().message.starts_with(folder.path("none") + ": "));
  folder.write("short", Bytes(3));
  EXPECT_EQ(read_session(folder.path("short"), limits()).error().message,
            folder.path("short") + ": not a session, or cut off: 3 bytes, expected at least 136");
  EXPECT_EQ(read_session(folder.path("."), limits()).error().code, ErrorCode::kNotAFile);
}

}  // namespace
}  // namespace weft
