// What a cache of weights gives back is what was put in, or nothing: whatever its file holds.
#include "core/weight_cache.h"

#include <cstring>
#include <sys/stat.h>
#include <unistd.h>

#include <gtest/gtest.h>
#include <xxhash.h>

#include "tests/support/random.h"
#include "tests/support/small_files_only.h"
#include "tests/support/temp_folder.h"

namespace weft {
namespace {

using test::TempFolder;
using Bytes = std::vector<std::byte>;

constexpr const char* kKey = "a model; packed 1";

class WeightCacheTest : public ::testing::Test {
 protected:
  WeightCache open(const std::string& key = kKey) {
    return WeightCache(path_, key, [this](const std::string& line) { notes_.push_back(line); });
  }

  // A cache that was looked into.
  WeightCache checked(const std::string& key = kKey) {
    WeightCache cache = open(key);
    cache.check(*pool_);
    return cache;
  }

  void fill(const std::string& key = kKey) {
    WeightCache cache = checked(key);
    ASSERT_FALSE(cache.is_filled());
    for (const auto& [name, bytes] : weights_) cache.add(name, bytes);
    cache.finish();
  }

  // Whether all weights are found; if any is, they all are, and right.
  bool found(const std::string& key = kKey) {
    WeightCache cache = checked(key);
    for (const auto& [name, bytes] : weights_) {
      const auto kept = cache.find(name, bytes.size());
      EXPECT_EQ(kept.has_value(), cache.is_filled()) << name;
      if (!kept) continue;
      EXPECT_TRUE(std::ranges::equal(*kept, bytes)) << name;
      EXPECT_EQ(reinterpret_cast<uintptr_t>(kept->data()) % 64, 0U);
    }
    EXPECT_FALSE(cache.find("absent", 1));
    return cache.is_filled();
  }

  Bytes file() const {
    const auto opened = MappedFile::open(path_, {.use_mmap = false});
    EXPECT_TRUE(opened);
    return {(*opened)->bytes().begin(), (*opened)->bytes().end()};
  }

  // The one note since the last call names the file and says why.
  void expect_note(const std::string& part) {
    ASSERT_EQ(notes_.size(), 1U);
    EXPECT_TRUE(notes_[0].starts_with(path_ + ": ")) << notes_[0];
    EXPECT_NE(notes_[0].find(part), std::string::npos) << notes_[0];
    EXPECT_EQ(notes_[0].find('\n'), std::string::npos);
    notes_.clear();
  }

  static Bytes pattern(std::size_t size) {
    Bytes bytes(size);
    for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<std::byte>(i * 37 >> 4);
    return bytes;
  }

  const TempFolder folder_;
  const std::string path_ = folder_.path("m.gguf.packed");
  const std::vector<std::pair<std::string, Bytes>> weights_ = {
      {"small", pattern(100)}, {"empty", {}}, {"large", pattern(5001)}};
  std::unique_ptr<ThreadPool> pool_ = ThreadPool::create(1).value();
  std::vector<std::string> notes_;
};

TEST_F(WeightCacheTest, WhatIsPutInIsFoundTheNextTime) {
  EXPECT_FALSE(found());
  fill();
  EXPECT_TRUE(found());
  EXPECT_TRUE(notes_.empty());
  EXPECT_EQ(folder_.file_count(), 1U);
  WeightCache cache = checked();
  EXPECT_FALSE(cache.find("small", 99)) << "another size is another weight";
  cache.add("other", weights_[0].second);
  cache.finish();
  EXPECT_TRUE(found());
}

// Threads share the checksum of a weight of several megabytes.
TEST_F(WeightCacheTest, EveryPieceOfALargeWeightIsLookedAt) {
  pool_ = ThreadPool::create(3).value();
  const Bytes weight = pattern((5 << 19) + 1);
  WeightCache made = checked();
  made.add("w", weight);
  made.finish();
  ASSERT_TRUE(checked().find("w", weight.size()));
  const Bytes whole = file();
  for (const std::size_t at : {std::size_t{64}, std::size_t{1} << 20, weight.size() + 63}) {
    Bytes damaged = whole;
    damaged[at] ^= std::byte{0x10};
    folder_.write("m.gguf.packed", damaged);
    EXPECT_FALSE(checked().is_filled()) << at;
    expect_note("w is damaged");
  }
}

TEST_F(WeightCacheTest, ItLivesAsLongAsItsHolder) {
  fill();
  std::shared_ptr<const void> holder;
  std::span<const std::byte> kept;
  {
    WeightCache cache = checked();
    kept = *cache.find("large", weights_[2].second.size());
    holder = cache.holder();
  }
  EXPECT_TRUE(std::ranges::equal(kept, weights_[2].second));
}

TEST_F(WeightCacheTest, WithoutFinishNothingIsKept) {
  {
    WeightCache cache = checked();
    cache.add("small", weights_[0].second);
  }
  EXPECT_EQ(folder_.file_count(), 0U);
  checked().finish();
  EXPECT_EQ(folder_.file_count(), 0U) << "nothing was added";
}

TEST_F(WeightCacheTest, AnotherKeyIsAnotherCache) {
  fill();
  EXPECT_FALSE(found("a model; packed 2"));
  expect_note("they are of \"a model; packed 1\", wanted are those of \"a model; packed 2\"");
  fill("a model; packed 2");
  notes_.clear();
  EXPECT_TRUE(found("a model; packed 2"));
  EXPECT_FALSE(found());
}

TEST_F(WeightCacheTest, CutOffAnywhereItIsPutAside) {
  fill();
  const Bytes whole = file();
  test::Random random(3, "cuts");
  for (int i = 0; i < 200; ++i) {
    const auto size =
        i < 100 ? whole.size() - 1 - static_cast<std::size_t>(i)
                : static_cast<std::size_t>(random.below(static_cast<int32_t>(whole.size())));
    folder_.write("m.gguf.packed", std::span(whole).first(size));
    ASSERT_FALSE(found()) << size;
    expect_note("packed weights are made anew: the file is ");
  }
  Bytes longer = whole;
  longer.resize(whole.size() + 64);
  folder_.write("m.gguf.packed", longer);
  EXPECT_FALSE(found());
  expect_note("cut off");
}

TEST_F(WeightCacheTest, OneBitAnywhereIsNoticed) {
  fill();
  const Bytes whole = file();
  test::Random random(4, "bits");
  // A bit between two sections changes nothing that is found.
  const auto is_between = [](std::size_t at) {
    const std::size_t small = 64 + 100;
    const std::size_t large = 64 + 128 + 5001;
    return (at >= 8 && at < 64) || (at >= small && at < small + 28) ||
           (at >= large && at < large + 55);
  };
  // All of the end, where everything that is trusted stands.
  for (std::size_t at = 0; at < whole.size(); at += at + 300 < whole.size() ? 19 : 1) {
    Bytes damaged = whole;
    damaged[at] ^= static_cast<std::byte>(1 << random.below(8));
    folder_.write("m.gguf.packed", damaged);
    ASSERT_EQ(found(), is_between(at)) << at;
    if (!is_between(at)) expect_note("packed weights are made anew: ");
  }
}

// Sealed well, and wrong all the same: each number of the directory in turn says something else.
TEST_F(WeightCacheTest, WhatLiesOutsideOfTheFileIsRefused) {
  fill();
  const Bytes whole = file();
  const std::size_t trailer = whole.size() - 24;
  uint64_t begin = 0;
  std::memcpy(&begin, &whole[trailer], sizeof(begin));
  for (std::size_t at = begin; at + 8 <= trailer; ++at) {
    for (const uint64_t value : {~uint64_t{0}, uint64_t{1} << 63, uint64_t{whole.size() - 64}}) {
      Bytes forged = whole;
      std::memcpy(&forged[at], &value, sizeof(value));
      const uint64_t parts[] = {XXH3_64bits(&forged[begin], trailer - begin), begin, whole.size()};
      const uint64_t seal = XXH3_64bits(parts, sizeof(parts));
      std::memcpy(&forged[trailer + 16], &seal, sizeof(seal));
      folder_.write("m.gguf.packed", forged);
      WeightCache cache = checked();
      for (const auto& [name, bytes] : weights_) {
        const auto kept = cache.find(name, bytes.size());
        ASSERT_TRUE(!kept || std::ranges::equal(*kept, bytes)) << at << " " << value;
      }
    }
  }
}

TEST_F(WeightCacheTest, AfterDamageItIsMadeAnew) {
  fill();
  Bytes damaged = file();
  damaged[100] ^= std::byte{1};
  folder_.write("m.gguf.packed", damaged);
  fill();
  expect_note("small is damaged");
  EXPECT_TRUE(found());
}

TEST_F(WeightCacheTest, FullDiskLeavesNothingAndOneNote) {
  {
    const test::SmallFilesOnly full_disk(4000);
    fill();
  }
  expect_note("packed weights are not kept");
  EXPECT_EQ(folder_.file_count(), 0U);
  EXPECT_FALSE(found());
}

TEST_F(WeightCacheTest, FolderThatCannotBeWrittenToIsOneNote) {
  ASSERT_EQ(::chmod(folder_.path(".").c_str(), 0555), 0);
  // The superuser may write everywhere, so be somebody else for a moment.
  const bool was_root = ::geteuid() == 0;
  if (was_root && ::seteuid(65534) != 0) GTEST_SKIP() << "cannot stop being root";
  fill();
  if (was_root) {
    ASSERT_EQ(::seteuid(0), 0);
  }
  ASSERT_EQ(::chmod(folder_.path(".").c_str(), 0755), 0);
  expect_note("packed weights are not kept");
  EXPECT_FALSE(found());
}

TEST_F(WeightCacheTest, SomethingElseOfThatNameIsLeftAlone) {
  std::filesystem::create_directory(path_);
  WeightCache cache = checked();
  expect_note("is a folder");
  cache.add("small", weights_[0].second);
  cache.finish();
  expect_note("packed weights are not kept");
  EXPECT_TRUE(std::filesystem::is_directory(path_));
}

TEST_F(WeightCacheTest, TwoThatAreMadeAtOnceAreBothWhole) {
  WeightCache first = checked();
  WeightCache second = checked();
  for (const auto& [name, bytes] : weights_) {
    first.add(name, bytes);
    second.add(name, bytes);
  }
  first.finish();
  EXPECT_TRUE(found());
  WeightCache reader = checked();
  second.finish();
  EXPECT_TRUE(found());
  EXPECT_TRUE(
      std::ranges::equal(*reader.find("large", weights_[2].second.size()), weights_[2].second))
      << "who had it open keeps what was there";
  EXPECT_EQ(folder_.file_count(), 1U);
  EXPECT_TRUE(notes_.empty());
}

}  // namespace
}  // namespace weft
