#include "core/cpu_features.h"

#include <fstream>
#include <set>
#include <sstream>
#include <string>
#include <utility>

#include <gtest/gtest.h>

#include "core/platform/amx.h"

namespace weft {
namespace {

// The flags of the first processor, as Linux lists those that it has enabled. Empty: no such list.
std::set<std::string> listed_flags() {
  std::ifstream info("/proc/cpuinfo");
  std::set<std::string> flags;
  for (std::string line; flags.empty() && std::getline(info, line);) {
    if (!line.starts_with("flags") && !line.starts_with("Features")) continue;
    std::istringstream words(line.substr(line.find(':') + 1));
    for (std::string word; words >> word;) flags.insert(word);
  }
  return flags;
}

TEST(CpuFeatures, AreThoseThatTheSystemLists) {
  const std::set<std::string> flags = listed_flags();
  if (flags.empty()) GTEST_SKIP() << "/proc/cpuinfo lists no flags";
  const CpuFeatures found = detect_cpu_features();
#if defined(__x86_64__)
  const std::pair<const char*, bool> wanted[] = {
      {"avx2", found.avx2},
      {"fma", found.fma},
      {"f16c", found.f16c},
      {"avx512f", found.avx512f},
      {"avx512bw", found.avx512bw},
      {"avx512dq", found.avx512dq},
      {"avx512vl", found.avx512vl},
      {"avx_vnni", found.avx_vnni},
      {"avx512_vnni", found.avx512_vnni},
      {"avx512_bf16", found.avx512_bf16},
      {"avx512vbmi", found.avx512_vbmi},
      {"amx_tile", found.amx_tile},
      {"amx_int8", found.amx_int8},
      {"amx_bf16", found.amx_bf16},
  };
#elif defined(__aarch64__)
  const std::pair<const char*, bool> wanted[] = {
      {"asimd", found.neon},    {"asimddp", found.arm_dotprod}, {"i8mm", found.arm_i8mm},
      {"bf16", found.arm_bf16}, {"sve", found.arm_sve},
  };
#else
  const std::pair<const char*, bool> wanted[] = {{"no such flag", found.avx2 || found.neon}};
#endif
  for (const auto& [name, has] : wanted) EXPECT_EQ(has, flags.contains(name)) << name;
}

TEST(CpuFeatures, TilesAreGrantedOnlyToProcessorsThatHaveThem) {
  EXPECT_LE(platform::request_amx_tiles(), detect_cpu_features().amx_tile);
}

}  // namespace
}  // namespace weft
