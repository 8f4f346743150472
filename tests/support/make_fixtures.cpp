// make_fixtures FOLDER: writes the reference models and logits of tests/fixtures.
#include <cstdio>
#include <filesystem>

#include "tests/support/fixtures.h"

namespace {

weft::Result<void> write_all(const std::filesystem::path& folder) {
  for (const weft::test::Fixture& fixture : weft::test::fixtures()) {
    WEFT_TRY(weft::test::write_fixture(fixture, folder));
  }
  return weft::test::write_fixture_ids(folder);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: make_fixtures FOLDER\n");
    return 2;
  }
  const auto written = write_all(argv[1]);
  if (!written) std::fprintf(stderr, "%s\n", written.error().message.c_str());
  return written ? 0 : 1;
}
