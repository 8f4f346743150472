#include <algorithm>
#include <bit>
#include <memory>
#include <utility>

#include <xxhash.h>

#include "api/session/session_file.h"
#include "api/session/session_format.h"
#include "core/platform/file_io.h"

namespace weft {
namespace {

// How much of what is only checked is in memory at once.
constexpr size_t kPiece = size_t{1} << 20;

// Takes numbers out of bytes that are known to hold them.
class Cursor {
 public:
  explicit Cursor(std::span<const std::byte> bytes) : bytes_(bytes) {}
  template <class T>
  T take() {
    uint64_t value = 0;
    for (size_t i = 0; i < sizeof(T); ++i) {
      value |= std::to_integer<uint64_t>(bytes_[at_++]) << (8 * i);
    }
    return static_cast<T>(value);
  }
  float take_float() { return std::bit_cast<float>(take<uint32_t>()); }
  std::string take_text(size_t size) {
    std::string text;
    for (const std::byte byte : bytes_.subspan(at_, size)) text += std::to_integer<char>(byte);
    at_ += size;
    return text;
  }

 private:
  std::span<const std::byte> bytes_;
  size_t at_ = 0;
};

tl::unexpected<Error> bad(const std::string& what) {
  return fail(ErrorCode::kInvalidArgument, what);
}

struct Header {
  Session session;  // but for what follows the header
  uint64_t num_ids, num_biases, identity_bytes, kv_bytes;
};

// Where bytes come from, in order; each is hashed once.
class Source {
 public:
  using ReadAt = std::function<Result<void>(uint64_t offset, std::span<std::byte> into)>;
  Source(uint64_t size, ReadAt read_at) : size_(size), read_at_(std::move(read_at)) {
    XXH3_64bits_reset(hash_.get());
  }

  uint64_t size() const { return size_; }
  Result<void> read(std::span<std::byte> into) {
    WEFT_TRY(read_at_(offset_, into));
    offset_ += into.size();
    XXH3_64bits_update(hash_.get(), into.data(), into.size());
    return {};
  }
  Result<void> skip(uint64_t n) {
    std::vector<std::byte> piece(static_cast<size_t>(std::min<uint64_t>(n, kPiece)));
    for (; n > 0; n -= piece.size()) {
      piece.resize(static_cast<size_t>(std::min<uint64_t>(n, kPiece)));
      WEFT_TRY(read(piece));
    }
    return {};
  }
  // Of all that was read.
  uint64_t hash() const { return XXH3_64bits_digest(hash_.get()); }

 private:
  uint64_t size_, offset_ = 0;
  ReadAt read_at_;
  std::unique_ptr<XXH3_state_t, decltype(&XXH3_freeState)> hash_{XXH3_createState(),
                                                                 &XXH3_freeState};
};

Result<void> check_kind(std::span<const std::byte> bytes) {
  const std::string found = Cursor(bytes).take_text(session::kMagic.size());
  if (found == session::kMagicOfVersion1) {
    return fail(ErrorCode::kUnsupported,
                "a session of version 1, from an older weft; this one "
                "reads version 2");
  }
  if (found != session::kMagic) return bad("not a session: it does not begin with WEFTSESS");
  Cursor after_magic(bytes.subspan(session::kMagic.size()));
  const auto version = after_magic.take<uint32_t>();
  if (version == session::kVersion) {
    return after_magic.take<uint32_t>() == 0 ? Result<void>() : bad("damaged: its header");
  }
  return fail(ErrorCode::kUnsupported, "a session of version " + std::to_string(version) +
                                           ", this weft reads version " +
                                           std::to_string(session::kVersion));
}

Result<Header> read_header(Source& source) {
  constexpr uint64_t kLeast = session::kHeaderBytes + session::kTrailerBytes;
  if (source.size() < kLeast) {
    return bad("not a session, or cut off: " + std::to_string(source.size()) +
               " bytes, expected at least " + std::to_string(kLeast));
  }
  std::vector<std::byte> bytes(session::kHeaderBytes);
  WEFT_TRY(source.read(bytes));
  WEFT_TRY(check_kind(bytes));
  const size_t end = session::kHeaderBytes - sizeof(uint64_t);
  if (Cursor(std::span(bytes).subspan(end)).take<uint64_t>() != XXH3_64bits(bytes.data(), end)) {
    return bad("damaged: the checksum of its header is another");
  }
  Header header;
  Session& s = header.session;
  const std::span<const std::byte> after_version =
      std::span(bytes).subspan(session::kMagic.size() + 2 * sizeof(uint32_t));
  Cursor cursor(after_version);
  const auto size = cursor.take<uint64_t>();
  if (size != source.size()) {
    return bad("cut off or damaged: " + std::to_string(source.size()) +
               " bytes, it was written "
               "with " +
               std::to_string(size));
  }
  s.model = cursor.take<uint64_t>();
  header.num_ids = cursor.take<uint64_t>();
  const auto num_prompt = cursor.take<uint64_t>();
  s.sampling.temperature = cursor.take_float();
  s.sampling.top_k = cursor.take<int32_t>();
  for (float* field : {&s.sampling.top_p, &s.sampling.min_p, &s.sampling.repetition_penalty,
                       &s.sampling.presence_penalty, &s.sampling.frequency_penalty}) {
    *field = cursor.take_float();
  }
  s.sampling.sample_index = cursor.take<uint32_t>();
  s.sampling.seed = cursor.take<uint64_t>();
  header.num_biases = cursor.take<uint64_t>();
  header.identity_bytes = cursor.take<uint64_t>();
  const auto kv_tokens = cursor.take<uint64_t>();
  header.kv_bytes = cursor.take<uint64_t>();

  // No count may be more than the bytes there are; each is taken off what is left.
  uint64_t left = source.size() - kLeast;
  for (const auto& [count, bytes_each] :
       {std::pair{header.num_ids, uint64_t{session::kIdBytes}},
        std::pair{header.num_biases, uint64_t{session::kBiasBytes}},
        std::pair{header.identity_bytes, uint64_t{1}}, std::pair{header.kv_bytes, uint64_t{1}}}) {
    if (count > left / bytes_each) return bad("damaged: counts beyond its size");
    left -= count * bytes_each;
  }
  if (left != 0 || num_prompt > header.num_ids || kv_tokens > header.num_ids ||
      header.num_biases > session::kMostBiases ||
      header.identity_bytes > session::kLongestIdentity) {
    return bad("damaged: counts that do not fit together");
  }
  s.num_prompt = static_cast<int64_t>(num_prompt);
  s.kv_tokens = static_cast<int64_t>(kv_tokens);
  return header;
}

Result<void> read_kv(Source& source, const Header& header, const SessionLimits& limits,
                     Session& session) {
  if (session.kv_identity != limits.kv_identity || header.kv_bytes == 0) {
    session.kv_tokens = 0;
    session.kv_identity.clear();
    return source.skip(header.kv_bytes);
  }
  const int64_t blocks = session.kv_tokens / limits.block_tokens;
  if (session.kv_tokens % limits.block_tokens != 0 ||
      header.kv_bytes != static_cast<uint64_t>(blocks) * limits.block_bytes) {
    return bad("damaged: " + std::to_string(header.kv_bytes) + " bytes of KV for " +
               std::to_string(session.kv_tokens) + " tokens");
  }
  session.kv.resize(static_cast<size_t>(header.kv_bytes));
  return source.read(session.kv);
}

Result<Session> decode(Source source, const SessionLimits& limits) {
  WEFT_TRY_ASSIGN(Header header, read_header(source));
  if (header.num_ids > static_cast<uint64_t>(limits.max_ids)) {
    return fail(ErrorCode::kLimitExceeded, "a session of " + std::to_string(header.num_ids) +
                                               " tokens, the context holds " +
                                               std::to_string(limits.max_ids));
  }
  Session session = std::move(header.session);
  std::vector<std::byte> body(static_cast<size_t>(header.num_ids * session::kIdBytes +
                                                  header.num_biases * session::kBiasBytes +
                                                  header.identity_bytes));
  WEFT_TRY(source.read(body));
  Cursor cursor(body);
  session.ids.resize(static_cast<size_t>(header.num_ids));
  for (int32_t& id : session.ids) id = cursor.take<int32_t>();
  session.sampling.logit_bias.resize(static_cast<size_t>(header.num_biases));
  for (auto& [id, bias] : session.sampling.logit_bias) {
    id = cursor.take<int32_t>();
    bias = cursor.take_float();
  }
  session.kv_identity = cursor.take_text(static_cast<size_t>(header.identity_bytes));
  WEFT_TRY(read_kv(source, header, limits, session));
  const uint64_t expected = source.hash();
  std::vector<std::byte> trailer(session::kTrailerBytes);
  WEFT_TRY(source.read(trailer));
  if (Cursor(trailer).take<uint64_t>() != expected) {
    return bad("damaged: its checksum is another");
  }
  return session;
}

// read(a source of the file's bytes), with the file named in every error.
template <class T, class Read>
Result<T> from_file(const std::string& path, const Read& read) {
  WEFT_TRY_ASSIGN(const auto file, platform::open_for_reading(path));
  WEFT_TRY_ASSIGN(const uint64_t size, platform::file_size(file, path));
  bool named = false;
  Result<T> result =
      read(Source(size, [&](uint64_t offset, std::span<std::byte> into) -> Result<void> {
        auto done = platform::read_at(file, path, offset, into);
        named = !done;
        return done;
      }));
  if (result || named) return result;
  return fail(result.error().code, path + ": " + result.error().message);
}

}  // namespace

Result<Session> read_session(const std::string& path, const SessionLimits& limits) {
  return from_file<Session>(path, [&](Source source) { return decode(std::move(source), limits); });
}

Result<int64_t> count_session_ids(const std::string& path) {
  return from_file<int64_t>(path, [](Source source) -> Result<int64_t> {
    WEFT_TRY_ASSIGN(const Header header, read_header(source));
    return static_cast<int64_t>(header.num_ids);
  });
}

Result<void> check_session(const std::string& path, const Session& session,
                           const ModelInfo& model) {
  if (session.model != model.fingerprint) {
    return fail(ErrorCode::kInvalidArgument,
                path + ": the session of another model than " +
                    (model.name.empty() ? "this one" : "\"" + model.name + "\""));
  }
  for (const int32_t id : session.ids) {
    if (id >= 0 && id < model.n_vocab) continue;
    return fail(ErrorCode::kTokenOutOfRange, path + ": token id " + std::to_string(id) +
                                                 ", expected 0 … " +
                                                 std::to_string(model.n_vocab - 1));
  }
  if (const auto sampler = Sampler::create(session.sampling, model.n_vocab); !sampler) {
    return fail(sampler.error().code, path + ": " + sampler.error().message);
  }
  return {};
}

Result<Session> parse_session(std::span<const std::byte> bytes, const SessionLimits& limits) {
  return decode(Source(bytes.size(),
                       [&](uint64_t offset, std::span<std::byte> into) -> Result<void> {
                         const auto from = bytes.subspan(static_cast<size_t>(offset), into.size());
                         std::copy(from.begin(), from.end(), into.begin());
                         return {};
                       }),
                limits);
}

}  // namespace weft
