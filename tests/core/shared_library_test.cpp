#include "core/platform/shared_library.h"

#include <gtest/gtest.h>

namespace weft::platform {
namespace {

TEST(SharedLibrary, TheFirstThatIsThereIsTaken) {
  constexpr const char* kNames[] = {"libweft-nowhere.so.1", "libm.so.6"};
  const auto library = SharedLibrary::open(kNames);
  ASSERT_TRUE(library) << library.error().message;
  EXPECT_NE(library->find("cos"), nullptr);
  EXPECT_EQ(library->find("weft_nowhere"), nullptr);
}

TEST(SharedLibrary, OneThatIsNotThereIsNamed) {
  constexpr const char* kNames[] = {"libweft-nowhere.so.1", "libweft-nowhere.so"};
  const auto library = SharedLibrary::open(kNames);
  ASSERT_FALSE(library);
  EXPECT_EQ(library.error().code, ErrorCode::kNotFound);
  EXPECT_NE(library.error().message.find("libweft-nowhere.so.1"), std::string::npos)
      << library.error().message;
}

}  // namespace
}  // namespace weft::platform
