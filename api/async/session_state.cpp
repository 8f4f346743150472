#include "api/async/session_state.h"

#include <cstring>
#include <string_view>

#include <xxhash.h>

#include "core/atomic_file.h"
#include "core/platform/file_io.h"

namespace weft::async::detail {
namespace {

constexpr std::string_view kMagic = "WEFTSES1";
constexpr size_t kHeader = 8 + 8 + 8;
constexpr size_t kTrailer = 8;

template <class T>
void put(std::vector<std::byte>& out, T value) {
  for (size_t i = 0; i < sizeof(T); ++i) {
    out.push_back(static_cast<std::byte>(static_cast<uint64_t>(value) >> (8 * i)));
  }
}

template <class T>
T get(std::span<const std::byte> bytes, size_t offset) {
  uint64_t value = 0;
  for (size_t i = 0; i < sizeof(T); ++i) {
    value |= std::to_integer<uint64_t>(bytes[offset + i]) << (8 * i);
  }
  return static_cast<T>(value);
}

tl::unexpected<Error> bad(const std::string& what) {
  return fail(ErrorCode::kInvalidArgument, "session state: " + what);
}

}  // namespace

uint64_t model_fingerprint(const ModelInfo& info) {
  std::string all = info.name + '\0' + info.architecture;
  for (const uint64_t number :
       {static_cast<uint64_t>(info.n_params), static_cast<uint64_t>(info.n_vocab),
        static_cast<uint64_t>(info.n_embd), static_cast<uint64_t>(info.n_layer),
        static_cast<uint64_t>(info.n_head), info.size_bytes}) {
    all += '\0' + std::to_string(number);
  }
  return XXH3_64bits(all.data(), all.size());
}

Result<SessionState> parse_session_state(std::span<const std::byte> bytes) {
  if (bytes.size() < kHeader + kTrailer) {
    return bad(std::to_string(bytes.size()) + " bytes, expected at least " +
               std::to_string(kHeader + kTrailer));
  }
  if (std::memcmp(bytes.data(), kMagic.data(), kMagic.size()) != 0) {
    return bad("it does not begin with " + std::string(kMagic));
  }
  const auto count = get<uint64_t>(bytes, 16);
  const size_t room = (bytes.size() - kHeader - kTrailer) / sizeof(int32_t);
  if (count != room || (bytes.size() - kHeader - kTrailer) % sizeof(int32_t) != 0) {
    return bad(std::to_string(count) + " ids announced in " + std::to_string(bytes.size()) +
               " bytes");
  }
  const size_t end = bytes.size() - kTrailer;
  if (get<uint64_t>(bytes, end) != XXH3_64bits(bytes.data(), end)) {
    return bad("the checksum is another: the file was changed or damaged");
  }
  SessionState state{.model = get<uint64_t>(bytes, 8)};
  state.ids.reserve(room);
  for (size_t i = 0; i < room; ++i) {
    state.ids.push_back(get<int32_t>(bytes, kHeader + i * sizeof(int32_t)));
  }
  return state;
}

std::vector<std::byte> session_state_bytes(const SessionState& state) {
  std::vector<std::byte> out;
  for (const char c : kMagic) out.push_back(static_cast<std::byte>(c));
  put(out, state.model);
  put(out, static_cast<uint64_t>(state.ids.size()));
  for (const int32_t id : state.ids) put(out, static_cast<uint32_t>(id));
  put(out, static_cast<uint64_t>(XXH3_64bits(out.data(), out.size())));
  return out;
}

Result<SessionState> read_session_state(const std::string& path, int64_t max_ids) {
  WEFT_TRY_ASSIGN(const auto file, platform::open_for_reading(path));
  WEFT_TRY_ASSIGN(const uint64_t size, platform::file_size(file, path));
  const uint64_t most = kHeader + kTrailer + static_cast<uint64_t>(max_ids) * sizeof(int32_t);
  if (size > most) {
    return fail(ErrorCode::kLimitExceeded, path + ": " + std::to_string(size) +
                                               " bytes, a state that fits the context has at "
                                               "most " +
                                               std::to_string(most));
  }
  std::vector<std::byte> bytes(size);
  WEFT_TRY(platform::read_at(file, path, 0, bytes));
  auto state = parse_session_state(bytes);
  if (!state) return fail(state.error().code, path + ": " + state.error().message);
  return state;
}

Result<void> write_session_state(const std::string& path, const SessionState& state) {
  WEFT_TRY_ASSIGN(AtomicFile file, AtomicFile::create(path));
  WEFT_TRY(file.write(session_state_bytes(state)));
  return file.commit();
}

}  // namespace weft::async::detail
