#include "core/mapped_file.h"

#include <fstream>
#include <sys/stat.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include "tests/support/temp_folder.h"

namespace weft {
namespace {

using test::TempFolder;

const std::vector<std::byte> kBytes(5000, std::byte{7});

ErrorCode code_of(const std::string& path, bool use_mmap = true) {
  const auto file = MappedFile::open(path, {.use_mmap = use_mmap});
  EXPECT_FALSE(file) << path;
  return file ? ErrorCode::kGenerationFailed : file.error().code;
}

TEST(MappedFile, MappedAndReadBytesAreTheFiles) {
  const TempFolder folder;
  const std::string path = folder.write("f", kBytes);
  for (const bool use_mmap : {true, false}) {
    const auto file = MappedFile::open(path, {.use_mmap = use_mmap});
    ASSERT_TRUE(file) << file.error().message;
    EXPECT_TRUE(std::ranges::equal((*file)->bytes(), kBytes));
    EXPECT_EQ((*file)->is_mapped(), use_mmap);
  }
}

TEST(MappedFile, WhatIsNoReadableFileIsRefusedByKind) {
  const TempFolder folder;
  EXPECT_EQ(code_of(folder.path("absent")), ErrorCode::kNotFound);
  EXPECT_EQ(code_of(folder.path(".")), ErrorCode::kNotAFile);
  EXPECT_EQ(code_of("/dev/zero"), ErrorCode::kNotAFile);
  ASSERT_EQ(::mkfifo(folder.path("pipe").c_str(), 0600), 0);
  EXPECT_EQ(code_of(folder.path("pipe")), ErrorCode::kNotAFile);
}

TEST(MappedFile, FileWithoutPermissionIsRefused) {
  const TempFolder folder;
  const std::string path = folder.write("secret", kBytes);
  ASSERT_EQ(::chmod(path.c_str(), 0), 0);
  // The superuser may read everything, so be somebody else for a moment.
  const bool was_root = ::geteuid() == 0;
  if (was_root && ::seteuid(65534) != 0) GTEST_SKIP() << "cannot stop being root";
  const ErrorCode code = code_of(path);
  if (was_root) {
    ASSERT_EQ(::seteuid(0), 0);
  }
  EXPECT_EQ(code, ErrorCode::kPermissionDenied);
}

TEST(MappedFile, EmptyFileHasNoBytes) {
  const TempFolder folder;
  const std::string path = folder.write("empty", {});
  for (const bool use_mmap : {true, false}) {
    const auto file = MappedFile::open(path, {.use_mmap = use_mmap});
    ASSERT_TRUE(file);
    EXPECT_TRUE((*file)->bytes().empty());
  }
}

TEST(MappedFile, FileThatShrinksIsNoticed) {
  const TempFolder folder;
  const std::string path = folder.write("f", kBytes);
  const auto mapped = MappedFile::open(path);
  const auto copied = MappedFile::open(path, {.use_mmap = false});
  ASSERT_TRUE(mapped && copied);
  EXPECT_TRUE((*mapped)->check_unchanged());
  std::filesystem::resize_file(path, 100);
  EXPECT_EQ((*mapped)->check_unchanged().error().code, ErrorCode::kFileChanged);
  EXPECT_TRUE(std::ranges::equal((*copied)->bytes(), kBytes));
}

TEST(MappedFile, OnDemandHoldsWhatWasFetchedUntilItIsReleased) {
  const TempFolder folder;
  std::vector<std::byte> bytes(std::size_t{4} << 20);
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::byte>(1 + i % 251);
  const std::string path = folder.write("f", bytes);
  uint64_t last = 0;
  const auto opened = MappedFile::open(
      path, {.use_mmap = false, .on_demand = true, .on_read = [&](uint64_t done, uint64_t total) {
               EXPECT_EQ(total, bytes.size());
               last = done;
             }});
  ASSERT_TRUE(opened);
  const MappedFile& file = **opened;
  EXPECT_EQ(file.bytes()[0], std::byte{0});
  const auto part = file.bytes().subspan(1000, 3 << 20);
  ASSERT_TRUE(file.fetch(part));
  EXPECT_EQ(last, part.size());
  EXPECT_TRUE(std::ranges::equal(part, std::span(bytes).subspan(1000, part.size())));
  EXPECT_EQ(file.bytes()[999], std::byte{0});
  file.release(part);
  EXPECT_EQ(part[part.size() / 2], std::byte{0});
  ASSERT_TRUE(file.fetch(part));
  EXPECT_TRUE(std::ranges::equal(part, std::span(bytes).subspan(1000, part.size())));
  std::filesystem::resize_file(path, 2000);
  EXPECT_EQ(file.fetch(part).error().code, ErrorCode::kFileChanged);
}

TEST(MappedFile, AWholeCopyAndAMappingKeepWhatIsReleased) {
  const TempFolder folder;
  const std::string path = folder.write("f", kBytes);
  for (const bool use_mmap : {true, false}) {
    const auto file = MappedFile::open(path, {.use_mmap = use_mmap});
    ASSERT_TRUE(file);
    (*file)->release((*file)->bytes());
    ASSERT_TRUE((*file)->fetch((*file)->bytes()));
    EXPECT_TRUE(std::ranges::equal((*file)->bytes(), kBytes));
  }
}

TEST(MappedFile, ReadBeyondTheEndSaysThatTheFileChanged) {
  const TempFolder folder;
  const std::string path = folder.write("f", kBytes);
  const auto file = platform::open_for_reading(path);
  ASSERT_TRUE(file);
  std::vector<std::byte> into(kBytes.size() + 1);
  EXPECT_EQ(platform::read_at(*file, path, 0, into).error().code, ErrorCode::kFileChanged);
}

}  // namespace
}  // namespace weft
