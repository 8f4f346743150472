#include "core/atomic_file.h"

#include <sys/stat.h>

#include <gtest/gtest.h>

#include "core/mapped_file.h"
#include "tests/support/small_files_only.h"
#include "tests/support/temp_folder.h"

namespace weft {
namespace {

using test::TempFolder;

std::vector<std::byte> pattern(size_t size) {
  std::vector<std::byte> bytes(size);
  for (size_t i = 0; i < size; ++i) bytes[i] = static_cast<std::byte>(i * 31 >> 3);
  return bytes;
}

TEST(AtomicFile, FinalNameAppearsWholeAtCommit) {
  const TempFolder folder;
  const auto bytes = pattern(3'000'000);  // more than the buffer
  auto file = AtomicFile::create(folder.path("out"));
  ASSERT_TRUE(file) << file.error().message;
  const std::span<const std::byte> all(bytes);
  for (size_t at = 0; at < all.size(); at += 70'001) {
    ASSERT_TRUE(file->write(all.subspan(at, std::min<size_t>(70'001, all.size() - at))));
  }
  EXPECT_FALSE(std::filesystem::exists(folder.path("out")));
  ASSERT_TRUE(file->commit());
  EXPECT_EQ(folder.file_count(), 1u);
  const auto back = MappedFile::open(folder.path("out"));
  ASSERT_TRUE(back);
  EXPECT_TRUE(std::ranges::equal((*back)->bytes(), bytes));
}

TEST(AtomicFile, WithoutCommitTheOldFileStaysAndNothingIsLeft) {
  const TempFolder folder;
  folder.write("out", pattern(10));
  {
    auto file = AtomicFile::create(folder.path("out"));
    ASSERT_TRUE(file);
    ASSERT_TRUE(file->write(pattern(2'000'000)));
    AtomicFile moved = std::move(*file);
    EXPECT_EQ(folder.file_count(), 2u);
  }
  EXPECT_EQ(folder.file_count(), 1u);
  EXPECT_EQ(std::filesystem::file_size(folder.path("out")), 10u);
}

TEST(AtomicFile, FullDiskIsAnErrorAndLeavesNothing) {
  const TempFolder folder;
  Result<void> written;
  {
    const test::SmallFilesOnly full_disk(1'500'000);
    auto file = AtomicFile::create(folder.path("out"));
    ASSERT_TRUE(file);
    written = file->write(pattern(1'400'000));
    if (written) written = file->write(pattern(1'400'000));
  }
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().code, ErrorCode::kNoSpace);
  EXPECT_EQ(folder.file_count(), 0u);
}

TEST(AtomicFile, FolderThatIsNotThereOrIsTheTargetIsRefused) {
  const TempFolder folder;
  const std::string missing = folder.path("no/such/out");
  const auto refused = AtomicFile::create(missing);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kNotFound);
  EXPECT_TRUE(refused.error().message.starts_with(missing + ": ")) << refused.error().message;
  EXPECT_EQ(AtomicFile::create(folder.path(".")).error().code, ErrorCode::kNotAFile);
  EXPECT_EQ(AtomicFile::create("").error().code, ErrorCode::kInvalidArgument);
}

// Whoever may write to a folder may rename over what is in it: /dev/null was lost that way.
TEST(AtomicFile, PipeOrDeviceIsNeverReplaced) {
  const TempFolder folder;
  const std::string pipe = folder.path("pipe");
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  EXPECT_EQ(AtomicFile::create(pipe).error().code, ErrorCode::kNotAFile);
  EXPECT_TRUE(std::filesystem::is_fifo(pipe));
}

TEST(AtomicFile, LinkStaysALink) {
  const TempFolder folder;
  folder.write("target", pattern(10));
  std::filesystem::create_symlink(folder.path("target"), folder.path("link"));
  auto file = AtomicFile::create(folder.path("link"));
  ASSERT_TRUE(file) << file.error().message;
  ASSERT_TRUE(file->write(pattern(20)));
  ASSERT_TRUE(file->commit());
  EXPECT_TRUE(std::filesystem::is_symlink(folder.path("link")));
  EXPECT_EQ(std::filesystem::file_size(folder.path("target")), 20u);
}

}  // namespace
}  // namespace weft
