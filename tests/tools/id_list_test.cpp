#include "tools/id_list.h"

#include <gtest/gtest.h>

namespace weft::tools {
namespace {

TEST(IdList, CommasSpacesAndSeveralArgumentsMix) {
  EXPECT_EQ(parse_ids({"1,2, 3", "4 5\n"}).value(), (std::vector<int32_t>{1, 2, 3, 4, 5}));
  EXPECT_TRUE(parse_ids({}).value().empty());
  EXPECT_TRUE(parse_ids({" ,, "}).value().empty());
}

TEST(IdList, WhatIsNoIdIsNamed) {
  for (const char* bad : {"x", "1x", "1.5", "0x10", "+1", "2147483648", "--"}) {
    const auto ids = parse_ids({std::string("1,") + bad});
    ASSERT_FALSE(ids) << bad;
    EXPECT_EQ(ids.error().code, ErrorCode::kInvalidArgument);
    EXPECT_NE(ids.error().message.find(bad), std::string::npos) << ids.error().message;
  }
}

}  // namespace
}  // namespace weft::tools
