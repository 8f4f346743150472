#include "gguf/fingerprint.h"

#include <algorithm>
#include <functional>
#include <span>

#include <xxhash.h>

namespace weft::gguf {
namespace {

constexpr size_t kSample = 4096;

// Where the data of a part's tensors begins: before it lies all that describes them.
size_t header_size(std::span<const std::byte> part, const TensorList& tensors) {
  const std::less<const std::byte*> before;
  size_t size = part.size();
  for (const HostTensor& tensor : tensors) {
    const std::byte* data = tensor.bytes.data();
    if (before(data, part.data()) || !before(data, part.data() + part.size())) continue;
    size = std::min(size, static_cast<size_t>(data - part.data()));
  }
  return size;
}

uint64_t extended(uint64_t hash, std::span<const std::byte> bytes) {
  return XXH3_64bits_withSeed(bytes.data(), bytes.size(), hash);
}

}  // namespace

Result<uint64_t> fingerprint(const File& file) {
  uint64_t hash = 0;
  for (const auto& mapping : file.mappings()) {
    const std::span<const std::byte> part = mapping->bytes();
    hash = extended(hash, part.first(header_size(part, file.tensors())));
  }
  for (const HostTensor& tensor : file.tensors()) {
    const size_t n = std::min(kSample, tensor.bytes.size());
    const auto sample = tensor.bytes.subspan((tensor.bytes.size() - n) / 2, n);
    WEFT_TRY(file.fetch(sample));
    hash = extended(hash, sample);
  }
  return hash;
}

}  // namespace weft::gguf
