// Session files: versioned, checksummed, written whole or not at all, and read as what they are,
// bytes from anywhere.
//
// The format, version 2, little-endian:
//   header, 128 bytes
//     "WEFTSESS", version (u32), 0 (u32), bytes of the file (u64), the model's fingerprint (u64),
//     number of ids (u64), of prompt ids (u64), temperature (f32), top_k (i32), top_p, min_p,
//     repetition, presence, frequency penalty (f32 each), sample index (u32), seed (u64), number
//     of biased ids (u64), bytes of the KV identity (u64), tokens (u64) and bytes (u64) of the KV,
//     XXH3 of the header so far (u64)
//   the ids (i32 each), the biases (i32, f32 each), the KV identity, the KV blocks
//   XXH3 of all before (u64)
// Version 1, "WEFTSES1", held ids alone and is refused.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "api/model.h"
#include "api/session/session.h"
#include "core/error.h"

namespace weft {

// Gives a KV block of a session that is being written: the index-th in order of position.
using ReadKvBlock = std::function<void(int64_t index, std::span<std::byte> into)>;

struct KvBlocks {
  int64_t count = 0;
  size_t block_bytes = 0;
  ReadKvBlock read;
};

// Writes `session` with the blocks of `kv` (session.kv is not looked at), one at a time. Fails as
// AtomicFile does; then what had the name before still has it.
Result<void> write_session(const std::string& path, const Session& session, const KvBlocks& kv);

// What a reader has room for.
struct SessionLimits {
  int64_t max_ids = 0;
  // The blocks that can be taken over; others are checked, and left out of the result.
  std::string kv_identity;
  int32_t block_tokens = 1;
  size_t block_bytes = 0;
};

// Fails as files do; kInvalidArgument where it is no session, or damaged (the message says where
// it shows); kUnsupported for another version; kLimitExceeded beyond `limits`. Takes time linear in
// the file's size, and memory for what it gives.
Result<Session> read_session(const std::string& path, const SessionLimits& limits);

// The number of ids that the session at `path` says it has, from its header alone. Fails as
// read_session() does; what is behind the header is not looked at.
Result<int64_t> count_session_ids(const std::string& path);

// Whether the session at `path` is one that a context over this model can go on with:
// kInvalidArgument where it is another model's, kTokenOutOfRange, or as Sampler::create() says.
Result<void> check_session(const std::string& path, const Session& session, const ModelInfo& model);

// The same in memory.
std::vector<std::byte> session_bytes(const Session& session);
Result<Session> parse_session(std::span<const std::byte> bytes, const SessionLimits& limits);

}  // namespace weft
