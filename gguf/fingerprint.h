// Tells models apart by what their files hold.
#pragma once

#include <cstdint>

#include "gguf/file.h"

namespace weft::gguf {

// A hash of all keys, of the tensors' names, types and shapes, and of four KiB out of the middle of
// each tensor: other weights, another vocabulary or another rope frequency give another number, and
// a large file is not read for it. Against accidents, not against forgery.
// Fails as File::fetch() does.
Result<uint64_t> fingerprint(const File& file);

}  // namespace weft::gguf
