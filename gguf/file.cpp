#include "gguf/file.h"

#include <algorithm>
#include <functional>
#include <iterator>
#include <optional>
#include <utility>

#include "gguf/reader.h"
#include "gguf/split_name.h"

namespace weft::gguf {
namespace {

constexpr std::string_view kSplitNumber = "split.no";
constexpr std::string_view kSplitCount = "split.count";
constexpr std::string_view kSplitTensors = "split.tensors.count";

struct Part {
  std::shared_ptr<const MappedFile> mapping;
  Contents contents;
};

tl::unexpected<Error> in_file(const std::string& path, Error error) {
  return fail(error.code, path + ": " + error.message);
}

// Keys and tensors of a file that may be read on demand: how much of it that takes is known once
// they are read.
Result<Contents> read_contents(const MappedFile& file) {
  constexpr uint64_t kFirst = uint64_t{16} << 20;  // a large vocabulary takes some 8 MiB
  const uint64_t size = file.bytes().size();
  uint64_t done = 0;
  for (uint64_t wanted = kFirst;; wanted *= 4) {
    const uint64_t end = std::min(wanted, size);
    WEFT_TRY(file.fetch(file.bytes().subspan(done, end - done)));
    done = end;
    auto contents = read(file.bytes());
    // Behind what was read there are zeros, and an error may be theirs.
    if (done == size || (contents && contents->data_offset <= done)) return contents;
  }
}

Result<Part> open_part(const std::string& path, const MapOptions& options) {
  Part part;
  WEFT_TRY_ASSIGN(part.mapping, MappedFile::open(path, options));
  auto contents = read_contents(*part.mapping);
  if (!contents) return in_file(path, std::move(contents).error());
  part.contents = std::move(*contents);
  return part;
}

// How many parts the model has that this is one of; 1 if it is whole.
Result<uint32_t> split_count(const Part& part) {
  auto count = part.contents.metadata.get_or<uint32_t>(kSplitCount, 1);
  if (!count) return in_file(part.mapping->path(), std::move(count).error());
  return *count <= 1 ? 1 : *count;
}

Result<void> check_part(const Part& part, uint32_t index, uint32_t count) {
  const std::string& path = part.mapping->path();
  const Metadata& metadata = part.contents.metadata;
  const auto found_number = metadata.get<uint32_t>(kSplitNumber);
  if (!found_number) return in_file(path, found_number.error());
  const auto found_count = metadata.get<uint32_t>(kSplitCount);
  if (!found_count) return in_file(path, found_count.error());
  if (*found_number != index || *found_count != count) {
    return fail(ErrorCode::kGgufBadSplit,
                path + ": says it is part " + std::to_string(*found_number) + " of " +
                    std::to_string(*found_count) + ", expected part " + std::to_string(index) +
                    " of " + std::to_string(count) + " (counted from 0)");
  }
  return {};
}

Result<std::vector<Part>> open_parts(const std::string& path, const MapOptions& options) {
  std::vector<Part> parts;
  WEFT_TRY_ASSIGN(Part given, open_part(path, options));
  WEFT_TRY_ASSIGN(const uint32_t count, split_count(given));
  if (count == 1) {
    parts.push_back(std::move(given));
    return parts;
  }
  const std::optional<SplitName> name = parse_split_name(path);
  if (!name || name->count != count) {
    return fail(ErrorCode::kGgufBadSplit,
                path + ": is one of " + std::to_string(count) +
                    " parts, expected a name like model-00001-of-0000N.gguf with that count");
  }
  for (uint32_t i = 0; i < count; ++i) {
    if (i == name->index) {
      parts.push_back(std::move(given));
    } else {
      auto part = open_part(name->part(i), options);
      if (!part && part.error().code == ErrorCode::kNotFound) {
        return fail(ErrorCode::kGgufMissingSplit, name->part(i) + ": part " +
                                                      std::to_string(i + 1) + " of " +
                                                      std::to_string(count) + " is missing");
      }
      if (!part) return tl::unexpected(std::move(part).error());
      parts.push_back(std::move(*part));
    }
    WEFT_TRY(check_part(parts.back(), i, count));
  }
  return parts;
}

Result<void> check_tensor_count(const Metadata& metadata, size_t found) {
  WEFT_TRY_ASSIGN(const uint64_t wanted, metadata.get<uint64_t>(kSplitTensors));
  if (wanted == found) return {};
  return fail(ErrorCode::kGgufBadSplit, std::string(kSplitTensors) + ": " + std::to_string(wanted) +
                                            ", but the parts hold " + std::to_string(found) +
                                            " tensors");
}

}  // namespace

Result<File> File::open(const std::string& path, const MapOptions& options) {
  WEFT_TRY_ASSIGN(std::vector<Part> parts, open_parts(path, options));
  File file;
  file.version_ = parts[0].contents.version;
  file.alignment_ = parts[0].contents.alignment;
  file.metadata_ = std::move(parts[0].contents.metadata);
  for (const Part& part : parts) file.mappings_.push_back(part.mapping);

  if (parts.size() == 1) {
    file.tensors_ = std::move(parts[0].contents.tensors);
  } else {
    std::vector<HostTensor> tensors;
    for (const Part& part : parts) {
      const auto of_part = part.contents.tensors.all();
      tensors.insert(tensors.end(), of_part.begin(), of_part.end());
    }
    const auto counted = check_tensor_count(file.metadata_, tensors.size());
    if (!counted) return in_file(path, counted.error());
    auto list = TensorList::create(std::move(tensors));
    if (!list) return in_file(path, std::move(list).error());
    file.tensors_ = std::move(*list);
  }
  for (const auto& mapping : file.mappings_) WEFT_TRY(mapping->check_unchanged());
  return file;
}

const MappedFile* File::holder_of(std::span<const std::byte> part) const {
  const std::less_equal<const std::byte*> not_after;
  for (const auto& mapping : mappings_) {
    const std::span<const std::byte> all = mapping->bytes();
    if (not_after(all.data(), part.data()) &&
        not_after(part.data() + part.size(), all.data() + all.size())) {
      return mapping.get();
    }
  }
  return nullptr;
}

Result<void> File::fetch(std::span<const std::byte> part) const {
  const MappedFile* holder = holder_of(part);
  return holder != nullptr ? holder->fetch(part) : Result<void>{};
}

void File::release(std::span<const std::byte> part) const {
  if (const MappedFile* holder = holder_of(part)) holder->release(part);
}

uint64_t File::size_bytes() const {
  uint64_t size = 0;
  for (const auto& mapping : mappings_) size += mapping->bytes().size();
  return size;
}

}  // namespace weft::gguf
