// Models of tests/fixtures as the library loads them.
#pragma once

#include <memory>
#include <string>

#include <gtest/gtest.h>

#include "api/model.h"
#include "tests/support/fixtures.h"

namespace weft::test {

inline std::shared_ptr<const Model> load_fixture(const std::string& name,
                                                 const ModelOptions& options = {.threads = 1}) {
  auto model = Model::load((fixtures_folder() / (name + ".gguf")).string(), options);
  EXPECT_TRUE(model) << name << ": " << model.error().message;
  return *model;
}

// Float weights, loaded once.
inline std::shared_ptr<const Model> mini_fixture() {
  static const auto model = load_fixture("weft-mini-llama-F32");
  return model;
}

}  // namespace weft::test
