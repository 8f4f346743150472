// Token ids as a command line gives them: any bytes are a list or an error, and a list written
// out again is the same list.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include "tools/id_list.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  const auto ids = weft::tools::parse_ids({text});
  if (!ids) return 0;
  std::vector<std::string> written;
  for (const int32_t id : *ids) written.push_back(std::to_string(id));
  const auto again = weft::tools::parse_ids(written);
  if (!again || *again != *ids) std::abort();
  return 0;
}
