#include <bit>
#include <memory>

#include <xxhash.h>

#include "api/session/session_file.h"
#include "api/session/session_format.h"
#include "core/atomic_file.h"

namespace weft {
namespace {

using session::kHeaderBytes;
using Put = std::function<Result<void>(std::span<const std::byte>)>;

class Bytes {
 public:
  template <class T>
  void add(T value) {
    const auto bits = static_cast<uint64_t>(value);
    for (size_t i = 0; i < sizeof(T); ++i)
      bytes_.push_back(static_cast<std::byte>(bits >> (8 * i)));
  }
  void add_float(float value) { add(std::bit_cast<uint32_t>(value)); }
  void add_text(std::string_view text) {
    const auto bytes = std::as_bytes(std::span(text));
    bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
  }
  std::vector<std::byte>& get() { return bytes_; }

 private:
  std::vector<std::byte> bytes_;
};

std::vector<std::byte> header_of(const Session& session, uint64_t kv_bytes) {
  const SamplingParams& s = session.sampling;
  const uint64_t size = kHeaderBytes + session.ids.size() * session::kIdBytes +
                        s.logit_bias.size() * session::kBiasBytes + session.kv_identity.size() +
                        kv_bytes + session::kTrailerBytes;
  Bytes header;
  header.add_text(session::kMagic);
  header.add(session::kVersion);
  header.add(uint32_t{0});
  header.add(size);
  header.add(session.model);
  header.add(static_cast<uint64_t>(session.ids.size()));
  header.add(static_cast<uint64_t>(session.num_prompt));
  header.add_float(s.temperature);
  header.add(s.top_k);
  for (const float value :
       {s.top_p, s.min_p, s.repetition_penalty, s.presence_penalty, s.frequency_penalty}) {
    header.add_float(value);
  }
  header.add(s.sample_index);
  header.add(s.seed);
  header.add(static_cast<uint64_t>(s.logit_bias.size()));
  header.add(static_cast<uint64_t>(session.kv_identity.size()));
  header.add(static_cast<uint64_t>(session.kv_tokens));
  header.add(kv_bytes);
  header.add(static_cast<uint64_t>(XXH3_64bits(header.get().data(), header.get().size())));
  return std::move(header.get());
}

Result<void> encode(const Session& session, const KvBlocks& kv, const Put& put_bytes) {
  const std::unique_ptr<XXH3_state_t, decltype(&XXH3_freeState)> hash(XXH3_createState(),
                                                                      &XXH3_freeState);
  XXH3_64bits_reset(hash.get());
  const Put put = [&](std::span<const std::byte> bytes) {
    XXH3_64bits_update(hash.get(), bytes.data(), bytes.size());
    return put_bytes(bytes);
  };
  const uint64_t kv_bytes = static_cast<uint64_t>(kv.count) * kv.block_bytes;
  WEFT_TRY(put(header_of(session, kv_bytes)));
  Bytes body;
  for (const int32_t id : session.ids) body.add(id);
  for (const auto& [id, bias] : session.sampling.logit_bias) {
    body.add(id);
    body.add_float(bias);
  }
  body.add_text(session.kv_identity);
  WEFT_TRY(put(body.get()));
  std::vector<std::byte> block(kv.count > 0 ? kv.block_bytes : 0);
  for (int64_t i = 0; i < kv.count; ++i) {
    kv.read(i, block);
    WEFT_TRY(put(block));
  }
  Bytes trailer;
  trailer.add(static_cast<uint64_t>(XXH3_64bits_digest(hash.get())));
  return put_bytes(trailer.get());
}

}  // namespace

Result<void> write_session(const std::string& path, const Session& session, const KvBlocks& kv) {
  WEFT_TRY_ASSIGN(AtomicFile file, AtomicFile::create(path));
  WEFT_TRY(
      encode(session, kv, [&](std::span<const std::byte> bytes) { return file.write(bytes); }));
  return file.commit();
}

std::vector<std::byte> session_bytes(const Session& session) {
  std::vector<std::byte> all;
  const KvBlocks kv{.count = session.kv.empty() ? 0 : 1,
                    .block_bytes = session.kv.size(),
                    .read = [&](int64_t, std::span<std::byte> into) {
                      std::copy(session.kv.begin(), session.kv.end(), into.begin());
                    }};
  const auto put = encode(session, kv, [&](std::span<const std::byte> bytes) -> Result<void> {
    all.insert(all.end(), bytes.begin(), bytes.end());
    return {};
  });
  static_cast<void>(put);  // memory takes everything
  return all;
}

}  // namespace weft
