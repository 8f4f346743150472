#include "core/mapped_file.h"

#include <algorithm>
#include <utility>

namespace weft {

Result<std::shared_ptr<const MappedFile>> MappedFile::open(const std::string& path,
                                                           const MapOptions& options) {
  auto opened = std::shared_ptr<MappedFile>(new MappedFile());
  opened->path_ = path;
  WEFT_TRY_ASSIGN(opened->file_, platform::open_for_reading(path));
  WEFT_TRY_ASSIGN(const uint64_t size, platform::file_size(opened->file_, path));
  opened->is_mapped_ = options.use_mmap;
  if (size > 0 && options.use_mmap) {
    WEFT_TRY_ASSIGN(opened->memory_, platform::map_for_reading(opened->file_, path, size));
  } else if (size > 0) {
    auto memory = platform::map_memory(size);
    if (!memory) return fail(memory.error().code, path + ": " + memory.error().message);
    opened->memory_ = std::move(*memory);
    opened->on_demand_ = true;
    opened->on_read_ = options.on_read;
    if (!options.on_demand) {
      WEFT_TRY(opened->fetch(opened->bytes()));
      opened->on_demand_ = false;
    }
  }
  WEFT_TRY(opened->check_unchanged());
  return opened;
}

Result<void> MappedFile::fetch(std::span<const std::byte> part) const {
  if (!on_demand_) return {};
  constexpr uint64_t kPieceBytes = uint64_t{64} << 20;  // some tens of milliseconds from a disk
  const auto first = static_cast<uint64_t>(part.data() - memory_.data());
  for (uint64_t done = 0; done < part.size();) {
    const uint64_t piece = std::min<uint64_t>(kPieceBytes, part.size() - done);
    WEFT_TRY(platform::read_at(file_, path_, first + done, {memory_.data() + first + done, piece}));
    done += piece;
    read_ += piece;
    if (on_read_) on_read_(std::min<uint64_t>(read_, memory_.size()), memory_.size());
  }
  return {};
}

void MappedFile::release(std::span<const std::byte> part) const {
  if (is_mapped_ || on_demand_) platform::will_not_need(part);
}

Result<void> MappedFile::check_unchanged() const {
  WEFT_TRY_ASSIGN(const uint64_t size, platform::file_size(file_, path_));
  if (size != memory_.size()) {
    return fail(ErrorCode::kFileChanged, path_ + ": had " + std::to_string(memory_.size()) +
                                             " bytes when it was opened, has " +
                                             std::to_string(size) + " now");
  }
  return {};
}

}  // namespace weft
