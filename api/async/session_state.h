// SessionState: a context's sequence as a file. The ids are all of it: KV is computed again from
// them, with the same bits on the same machine, and random numbers are keyed by position.
//
// The format, little-endian: "WEFTSES1", the model's fingerprint (u64), the number of ids (u64),
// the ids (i32 each), XXH3 of all before (u64). Immutable data; knows no context.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "api/model.h"
#include "core/error.h"

namespace weft::async::detail {

// Tells models apart by what their files hold: names, sizes, vocabulary.
uint64_t model_fingerprint(const ModelInfo& info);

struct SessionState {
  uint64_t model = 0;  // fingerprint
  std::vector<int32_t> ids;

  bool operator==(const SessionState&) const = default;
};

// Fails with kInvalidArgument, saying what is wrong; ids are not looked at.
Result<SessionState> parse_session_state(std::span<const std::byte> bytes);
std::vector<std::byte> session_state_bytes(const SessionState& state);

// Fail as files do; reading also with kLimitExceeded beyond `max_ids`, and as parsing does. Writing
// leaves no half of a file.
Result<SessionState> read_session_state(const std::string& path, int64_t max_ids);
Result<void> write_session_state(const std::string& path, const SessionState& state);

}  // namespace weft::async::detail
