#include "tools/embed/embedding_output.h"

#include <charconv>
#include <cstdint>
#include <cstdio>
#include <utility>
#include <vector>

#include "core/atomic_file.h"
#include "tools/embed/npy.h"

namespace weft::tools {
namespace {

class JsonToStdout final : public EmbeddingOutput {
 public:
  Result<void> add(std::span<const float> vector) override {
    const std::string line = embedding_line(index_++, vector);
    if (std::fwrite(line.data(), 1, line.size(), stdout) == line.size() &&
        std::fflush(stdout) == 0) {
      return {};
    }
    return fail(ErrorCode::kIoError, "standard output: cannot be written");
  }
  Result<void> finish() override { return {}; }

 private:
  int64_t index_ = 0;
};

class JsonToFile final : public EmbeddingOutput {
 public:
  explicit JsonToFile(AtomicFile file) : file_(std::move(file)) {}
  Result<void> add(std::span<const float> vector) override {
    const std::string line = embedding_line(index_++, vector);
    return file_.write(std::as_bytes(std::span(line)));
  }
  Result<void> finish() override { return file_.commit(); }

 private:
  AtomicFile file_;
  int64_t index_ = 0;
};

// The header says how many there are, so they are kept until the last is known.
class NpyFile final : public EmbeddingOutput {
 public:
  explicit NpyFile(AtomicFile file) : file_(std::move(file)) {}
  Result<void> add(std::span<const float> vector) override {
    values_.insert(values_.end(), vector.begin(), vector.end());
    cols_ = std::ssize(vector);
    return {};
  }
  Result<void> finish() override {
    const int64_t rows = cols_ > 0 ? std::ssize(values_) / cols_ : 0;
    const std::string header = npy_header(rows, cols_);
    WEFT_TRY(file_.write(std::as_bytes(std::span(header))));
    WEFT_TRY(file_.write(std::as_bytes(std::span(values_))));
    return file_.commit();
  }

 private:
  AtomicFile file_;
  std::vector<float> values_;
  int64_t cols_ = 0;
};

}  // namespace

Result<std::unique_ptr<EmbeddingOutput>> EmbeddingOutput::create(const std::string& path) {
  if (path == "-") return std::make_unique<JsonToStdout>();
  WEFT_TRY_ASSIGN(AtomicFile file, AtomicFile::create(path));
  if (path.ends_with(".npy")) return std::make_unique<NpyFile>(std::move(file));
  return std::make_unique<JsonToFile>(std::move(file));
}

std::string embedding_line(int64_t index, std::span<const float> vector) {
  std::string line = "{\"index\":" + std::to_string(index) + ",\"embedding\":[";
  char digits[32];
  for (size_t i = 0; i < vector.size(); ++i) {
    if (i > 0) line += ',';
    line.append(digits, std::to_chars(digits, digits + sizeof(digits), vector[i]).ptr);
  }
  return line + "]}\n";
}

}  // namespace weft::tools
