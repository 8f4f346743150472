// A model's GGUF file on disk, opened: its keys and tensors, with the bytes mapped. A model that
// was split into parts ("name-00001-of-00003.gguf") is opened whole by any part's path.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "core/error.h"
#include "core/mapped_file.h"
#include "gguf/metadata.h"
#include "gguf/tensor_list.h"

namespace weft::gguf {

// Immutable: any number of threads may read. Copies share the mapped bytes; keys, values and
// tensors are valid as long as one of the copies, or of mappings(), lives.
class File {
 public:
  // Fails as MappedFile::open and gguf::read do, the message led by the path; and with
  // kGgufMissingSplit or kGgufBadSplit. With a mapping, the sizes are checked again at the end:
  // kFileChanged.
  static Result<File> open(const std::string& path, const MapOptions& options = {});

  // Of the first part.
  const Metadata& metadata() const { return metadata_; }
  uint32_t version() const { return version_; }
  uint32_t alignment() const { return alignment_; }

  // Of all parts, part by part.
  const TensorList& tensors() const { return tensors_; }

  std::span<const std::shared_ptr<const MappedFile>> mappings() const { return mappings_; }
  uint64_t size_bytes() const;  // of all parts

  // Of bytes of these tensors, as MappedFile has them. With MapOptions::on_demand open() reads no
  // more than the keys and the list of tensors.
  Result<void> fetch(std::span<const std::byte> part) const;
  void release(std::span<const std::byte> part) const;

  const std::string& path() const { return mappings_.front()->path(); }

 private:
  File() = default;
  const MappedFile* holder_of(std::span<const std::byte> part) const;

  std::vector<std::shared_ptr<const MappedFile>> mappings_;
  Metadata metadata_;
  TensorList tensors_;
  uint32_t version_ = 0;
  uint32_t alignment_ = 0;
};

}  // namespace weft::gguf
