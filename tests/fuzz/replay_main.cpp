// Stands in for libFuzzer in ordinary builds: runs every file of the named folders (or
// the named files) through the fuzz target once. A missing folder is an empty corpus;
// the empty input and a few fixed patterns are always run, so no target is left untried.
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

namespace fs = std::filesystem;

void run_bytes(const std::vector<char>& bytes) {
  // An exact heap copy, so that a sanitizer sees a read one past the end.
  const std::vector<std::uint8_t> exact(bytes.begin(), bytes.end());
  LLVMFuzzerTestOneInput(exact.data(), exact.size());
}

bool run_file(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) {
    std::fprintf(stderr, "%s: cannot be opened\n", path.c_str());
    return false;
  }
  const std::vector<char> bytes{std::istreambuf_iterator<char>(in),
                                std::istreambuf_iterator<char>()};
  // Named before it runs: if it crashes, this is the line above the report.
  std::printf("%s (%zu bytes)\n", path.c_str(), bytes.size());
  std::fflush(stdout);
  run_bytes(bytes);
  return true;
}

}  // namespace

int main(int argc, char** argv) {
  for (const char fill : {'\0', 'a', '\xff'}) {
    for (const std::size_t size : {0, 1, 7, 64, 4096}) {
      std::printf("%zu bytes of 0x%02x\n", size, static_cast<unsigned>(fill) & 0xffU);
      std::fflush(stdout);
      run_bytes(std::vector<char>(size, fill));
    }
  }
  std::size_t num_files = 0;
  bool all_read = true;
  for (int i = 1; i < argc; ++i) {
    const fs::path path = argv[i];
    if (fs::is_directory(path)) {
      for (const fs::directory_entry& entry : fs::recursive_directory_iterator(path)) {
        if (!entry.is_regular_file()) continue;
        all_read = run_file(entry.path()) && all_read;
        ++num_files;
      }
    } else if (fs::exists(path)) {
      all_read = run_file(path) && all_read;
      ++num_files;
    }
  }
  std::printf("replayed %zu files\n", num_files);
  return all_read ? 0 : 1;
}
