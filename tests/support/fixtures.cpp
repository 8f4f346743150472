#include "tests/support/fixtures.h"

#include <cstring>
#include <fstream>
#include <iterator>
#include <sstream>

#include "tests/support/model_file.h"
#include "tests/support/random.h"
#include "tests/support/reference_model.h"
#include "tests/support/source_root.h"

namespace weft::test {
namespace {

constexpr int32_t kVocab = 96;

Result<std::string> read_file(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return fail(ErrorCode::kIoError, path.string() + ": cannot be read");
  return std::string(std::istreambuf_iterator<char>(file), {});
}

Result<void> write_file(const std::filesystem::path& path, const void* data, size_t size_bytes) {
  std::ofstream file(path, std::ios::binary);
  file.write(static_cast<const char*>(data), static_cast<std::streamsize>(size_bytes));
  file.close();
  if (!file) return fail(ErrorCode::kIoError, path.string() + ": cannot be written");
  return {};
}

}  // namespace

const std::vector<Fixture>& fixtures() {
  static const std::vector<Fixture> all = {
      {.name = "weft-mini-llama-F32",
       .spec = {.n_embd = 24,
                .n_heads = 3,
                .n_kv_heads = 1,
                .head_dim = 8,
                .ffn_dim = 40,
                .n_vocab = kVocab,
                .seed = 101}},
      // Blocks of 256, as Q4_K_M files have them, beside other formats.
      {.name = "weft-mini-llama-mixed",
       .spec = {.n_layers = 1,
                .n_embd = 256,
                .n_heads = 2,
                .n_kv_heads = 1,
                .head_dim = 32,
                .ffn_dim = 256,
                .n_vocab = kVocab,
                .type = DType::kQ4_K,
                .role_types = {{"attn_v", DType::kQ6_K},
                               {"attn_output", DType::kQ8_0},
                               {"ffn_up", DType::kQ3_K},
                               {"ffn_down", DType::kQ6_K},
                               {"output", DType::kQ6_K}},
                .seed = 102}},
      // Llama 3: tied head, a factor for each frequency.
      {.name = "weft-mini-llama3-F16",
       .spec = {.n_embd = 32,
                .n_heads = 4,
                .n_kv_heads = 2,
                .head_dim = 8,
                .ffn_dim = 48,
                .n_vocab = kVocab,
                .n_ctx_train = 131072,
                .tied_head = true,
                .rope = {.freq_base = 500000.0},
                .rope_factors = true,
                .type = DType::kF16,
                .seed = 103}},
      {.name = "weft-mini-qwen2-BF16",
       .spec = {.architecture = "qwen2",
                .n_embd = 32,
                .n_heads = 4,
                .n_kv_heads = 2,
                .head_dim = 8,
                .ffn_dim = 48,
                .n_vocab = kVocab,
                .rms_norm_eps = 1e-6f,
                .tied_head = true,
                .qkv_bias = true,
                .rope = {.kind = RopeKind::kNeox,
                         .freq_base = 1e6,
                         .scaling = RopeScaling::kYarn,
                         .factor = 4.0,
                         .original_context = 64},
                .type = DType::kBF16,
                .seed = 104}},
      {.name = "weft-mini-qwen3-Q8_0",
       .spec = {.architecture = "qwen3",
                .n_embd = 64,
                .n_heads = 3,
                .n_kv_heads = 1,
                .head_dim = 32,
                .ffn_dim = 32,
                .n_vocab = kVocab,
                .rms_norm_eps = 1e-6f,
                .tied_head = true,
                .qk_norm = true,
                .rope = {.kind = RopeKind::kNeox, .freq_base = 1e6},
                .type = DType::kQ8_0,
                .seed = 105}},
  };
  return all;
}

std::vector<int32_t> fixture_ids() {
  std::vector<int32_t> ids = Random(100, "ids").ids(25, kVocab);
  ids.front() = 1;
  return ids;
}

std::filesystem::path fixtures_folder() { return source_root() / "tests/fixtures"; }

Result<void> write_fixture(const Fixture& fixture, const std::filesystem::path& folder) {
  const TestModel model = make_test_model(fixture.spec);
  WEFT_TRY(write_model_file((folder / (fixture.name + ".gguf")).string(), model,
                            character_vocab(kVocab)));
  const Logits logits = rounded(reference_logits(model.config, model.tensors, fixture_ids()));
  return write_file(folder / (fixture.name + ".logits.f32"), logits.values.data(),
                    logits.values.size() * sizeof(float));
}

Result<void> write_fixture_ids(const std::filesystem::path& folder) {
  std::string text;
  for (const int32_t id : fixture_ids()) text += (text.empty() ? "" : ",") + std::to_string(id);
  text += '\n';
  return write_file(folder / "weft-mini.tokens", text.data(), text.size());
}

Result<Logits> read_logits(const std::filesystem::path& path, int64_t n_vocab) {
  WEFT_TRY_ASSIGN(const std::string bytes, read_file(path));
  const auto row_size = static_cast<size_t>(n_vocab) * sizeof(float);
  if (bytes.empty() || bytes.size() % row_size != 0) {
    return fail(ErrorCode::kInvalidArgument, path.string() + ": " + std::to_string(bytes.size()) +
                                                 " bytes are no rows of " +
                                                 std::to_string(n_vocab) + " floats");
  }
  Logits logits{.n_vocab = n_vocab, .values = std::vector<float>(bytes.size() / sizeof(float))};
  std::memcpy(logits.values.data(), bytes.data(), bytes.size());
  return logits;
}

Result<std::vector<int32_t>> read_ids(const std::filesystem::path& path) {
  WEFT_TRY_ASSIGN(const std::string text, read_file(path));
  std::istringstream stream(text);
  std::vector<int32_t> ids;
  for (int32_t id; stream >> id;) {
    ids.push_back(id);
    if (stream.peek() == ',') stream.ignore();
  }
  return ids;
}

}  // namespace weft::test
