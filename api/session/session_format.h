// The numbers of the session format, for its reader and its writer.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace weft::session {

inline constexpr std::string_view kMagic = "WEFTSESS";
inline constexpr std::string_view kMagicOfVersion1 = "WEFTSES1";
inline constexpr uint32_t kVersion = 2;
inline constexpr size_t kHeaderBytes = 128;
inline constexpr size_t kIdBytes = 4;
inline constexpr size_t kBiasBytes = 8;
inline constexpr size_t kTrailerBytes = 8;

// More than any model's vocabulary, and than any backend has to say.
inline constexpr uint64_t kMostBiases = uint64_t{1} << 20;
inline constexpr uint64_t kLongestIdentity = uint64_t{1} << 16;

}  // namespace weft::session
