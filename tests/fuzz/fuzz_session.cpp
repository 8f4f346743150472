// Session files: any bytes are a session or an error, in time and memory bounded by their size; and
// a session that is written again gives the same bytes. Checksums would keep a fuzzer from what is
// behind them, so each input is tried as it is and with the checksums it should have.
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <span>
#include <vector>

#include <xxhash.h>

#include "api/session/session_file.h"

namespace {

void seal(std::vector<std::byte>& bytes, std::size_t at) {
  const std::uint64_t hash = XXH3_64bits(bytes.data(), at);
  std::memcpy(bytes.data() + at, &hash, sizeof(hash));
}

void parse(const std::vector<std::byte>& bytes) {
  const auto session = weft::parse_session(
      bytes, {.max_ids = 1 << 16, .kv_identity = "kernels", .block_tokens = 2, .block_bytes = 6});
  if (!session) return;
  if (session->ids.size() * 4 > bytes.size() || session->kv.size() > bytes.size()) std::abort();
  if (!session->kv.empty() && weft::session_bytes(*session) != bytes) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto all = std::as_bytes(std::span(data, size));
  std::vector<std::byte> bytes(all.begin(), all.end());
  parse(bytes);
  constexpr std::size_t kHeader = 128, kHash = 8;
  if (bytes.size() < kHeader + kHash) return 0;
  const std::uint64_t total = bytes.size();
  std::memcpy(bytes.data() + 16, &total, sizeof(total));
  seal(bytes, kHeader - kHash);
  seal(bytes, bytes.size() - kHash);
  parse(bytes);
  return 0;
}
