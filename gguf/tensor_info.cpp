#include "gguf/tensor_info.h"

#include <algorithm>
#include <limits>
#include <numeric>
#include <optional>
#include <string>
#include <utility>

#include "core/dtype.h"
#include "gguf/format.h"
#include "gguf/names.h"

namespace weft::gguf {
namespace {

// An empty name's length, a dimension count, a type and an offset.
constexpr uint64_t kSmallestInfo = 8 + 4 + 4 + 8;

Result<std::string> read_name(ByteCursor& cursor, uint64_t index) {
  const std::string what = "the name of tensor " + std::to_string(index);
  WEFT_TRY_ASSIGN(const std::string_view name, cursor.read_string(what));
  auto checked = check_tensor_name(name);
  if (!checked) return fail(checked.error().code, what + ": " + checked.error().message);
  return std::string(name);
}

Result<void> read_shape(ByteCursor& cursor, HostTensor& tensor) {
  WEFT_TRY_ASSIGN(const uint32_t dimensions, cursor.read<uint32_t>(tensor.name));
  if (dimensions > kMostDimensions) {
    return fail(ErrorCode::kGgufBadDimensions, tensor.name + ": " + std::to_string(dimensions) +
                                                   " dimensions, expected at most 4");
  }
  tensor.shape = {1, 1, 1, 1};  // no dimensions: a single number
  int64_t elements = 1;
  for (uint32_t i = 0; i < dimensions; ++i) {
    WEFT_TRY_ASSIGN(const uint64_t extent, cursor.read<uint64_t>(tensor.name));
    const auto bad = [&](const char* why) {
      return fail(ErrorCode::kGgufBadDimensions, tensor.name + ": dimension " + std::to_string(i) +
                                                     " is " + std::to_string(extent) + why);
    };
    if (extent == 0) return bad(", expected at least 1");
    if (extent > static_cast<uint64_t>(std::numeric_limits<int64_t>::max() / elements)) {
      return bad(": more elements than 63 bits can count");
    }
    elements *= static_cast<int64_t>(extent);
    tensor.shape[i] = static_cast<int64_t>(extent);
  }
  return {};
}

Result<DType> read_type(ByteCursor& cursor, const std::string& name) {
  WEFT_TRY_ASSIGN(const uint32_t id, cursor.read<uint32_t>(name));
  const DTypeInfo* info = find_dtype(id);
  if (info == nullptr) {
    return fail(ErrorCode::kGgufBadTensorType, name + ": type " +
                                                   std::to_string(static_cast<int32_t>(id)) +
                                                   " is unknown or was removed from the format");
  }
  return info->type;
}

Result<uint64_t> size_of(const HostTensor& tensor) {
  const DTypeInfo& type = dtype_info(tensor.type);
  if (tensor.cols() % type.block_size != 0) {
    return fail(ErrorCode::kGgufRowNotBlocks,
                tensor.name + ": rows of " + std::to_string(tensor.cols()) + " elements, but " +
                    std::string(type.name) + " comes in blocks of " +
                    std::to_string(type.block_size));
  }
  // Rows are whole blocks, so the size of all elements in one row is the tensor's size.
  const std::optional<int64_t> size = row_bytes(tensor.type, tensor.elements());
  if (!size) {
    return fail(ErrorCode::kGgufBadDimensions, tensor.name + ": shape " +
                                                   shape_string(tensor.shape) +
                                                   " has more bytes than 63 bits can count");
  }
  return static_cast<uint64_t>(*size);
}

Result<TensorInfo> read_info(ByteCursor& cursor, uint64_t index) {
  TensorInfo info;
  WEFT_TRY_ASSIGN(info.tensor.name, read_name(cursor, index));
  WEFT_TRY(read_shape(cursor, info.tensor));
  WEFT_TRY_ASSIGN(info.tensor.type, read_type(cursor, info.tensor.name));
  WEFT_TRY_ASSIGN(info.size_bytes, size_of(info.tensor));
  WEFT_TRY_ASSIGN(info.offset, cursor.read<uint64_t>(info.tensor.name));
  return info;
}

Result<void> check_no_overlap(const std::vector<TensorInfo>& infos) {
  std::vector<uint32_t> by_offset(infos.size());
  std::iota(by_offset.begin(), by_offset.end(), 0u);
  std::sort(by_offset.begin(), by_offset.end(),
            [&](uint32_t a, uint32_t b) { return infos[a].offset < infos[b].offset; });
  for (size_t i = 1; i < by_offset.size(); ++i) {
    const TensorInfo& before = infos[by_offset[i - 1]];
    const TensorInfo& after = infos[by_offset[i]];
    if (after.offset < before.offset + before.size_bytes) {
      return fail(ErrorCode::kGgufBadOffset, after.tensor.name + ": its data at offset " +
                                                 std::to_string(after.offset) + " overlaps " +
                                                 before.tensor.name);
    }
  }
  return {};
}

}  // namespace

Result<std::vector<TensorInfo>> read_tensor_infos(ByteCursor& cursor, uint64_t count) {
  if (count > cursor.remaining() / kSmallestInfo || count > std::numeric_limits<uint32_t>::max()) {
    return fail(ErrorCode::kGgufBadCount, "tensor count " + std::to_string(count) + ": only " +
                                              std::to_string(cursor.remaining()) +
                                              " bytes are left in the file");
  }
  std::vector<TensorInfo> infos;  // grows as they come: a count alone takes no memory
  for (uint64_t i = 0; i < count; ++i) {
    WEFT_TRY_ASSIGN(TensorInfo info, read_info(cursor, i));
    infos.push_back(std::move(info));
  }
  return infos;
}

Result<std::vector<HostTensor>> place_tensors(std::vector<TensorInfo> infos,
                                              std::span<const std::byte> data, uint32_t alignment) {
  for (TensorInfo& info : infos) {
    const auto bad = [&](const std::string& why) {
      return fail(ErrorCode::kGgufBadOffset,
                  info.tensor.name + ": offset " + std::to_string(info.offset) + why);
    };
    if (info.offset % alignment != 0) {
      return bad(", expected a multiple of " + std::to_string(alignment));
    }
    if (info.offset > data.size() || info.size_bytes > data.size() - info.offset) {
      return bad(" and size " + std::to_string(info.size_bytes) + " pass the end of the data at " +
                 std::to_string(data.size()) + ": the file is cut short or damaged");
    }
    info.tensor.bytes = data.subspan(info.offset, info.size_bytes);
  }
  WEFT_TRY(check_no_overlap(infos));
  std::vector<HostTensor> tensors;
  tensors.reserve(infos.size());
  for (TensorInfo& info : infos) tensors.push_back(std::move(info.tensor));
  return tensors;
}

}  // namespace weft::gguf
