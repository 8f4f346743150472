// infer logits: the model's logits for given tokens, as raw floats or against a reference.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <optional>

#include "api/model.h"
#include "core/atomic_file.h"
#include "core/mapped_file.h"
#include "tools/command.h"
#include "tools/default_model.h"
#include "tools/id_list.h"
#include "tools/logits_compare.h"
#include "tools/options.h"

namespace weft::tools {
namespace {

struct LogitsFlags {
  EngineFlags engine;
  std::string model;
  std::vector<std::string> tokens;
  std::string out, against;
  int chunk = 512;
  std::string kv_type = "auto";
};

Result<int> logits(const LogitsFlags& flags) {
  WEFT_TRY_ASSIGN(const std::vector<int32_t> ids, parse_ids(flags.tokens));
  WEFT_TRY_ASSIGN(const std::string path, require_model(flags.model));
  WEFT_TRY_ASSIGN(auto model, Model::load(path, flags.engine.model_options()));
  const auto n_ids = static_cast<int32_t>(ids.size());
  WEFT_TRY_ASSIGN(auto context, Context::create(model, {.n_ctx = std::max(1, n_ids),
                                                        .max_batch_tokens = flags.chunk,
                                                        .max_logit_rows = flags.chunk,
                                                        .kv_type = flags.kv_type}));
  const int64_t n_vocab = model->info().n_vocab;
  std::shared_ptr<const MappedFile> reference;
  if (!flags.against.empty()) {
    WEFT_TRY_ASSIGN(reference, MappedFile::open(flags.against));
    const size_t wanted = ids.size() * n_vocab * sizeof(float);
    if (reference->bytes().size() != wanted) {
      return fail(ErrorCode::kInvalidArgument,
                  flags.against + ": " + std::to_string(reference->bytes().size()) +
                      " bytes, expected " + std::to_string(wanted) + " (" +
                      std::to_string(ids.size()) + " tokens × " + std::to_string(n_vocab) +
                      " float32)");
    }
  }
  std::optional<AtomicFile> out;
  if (!flags.out.empty()) {
    WEFT_TRY_ASSIGN(out, AtomicFile::create(flags.out));
  }
  LogitsComparison comparison;
  Result<void> written;
  WEFT_TRY(context->evaluate(ids, flags.chunk, [&](int64_t row, std::span<const float> ours) {
    if (out && written) written = out->write(std::as_bytes(ours));
    if (reference) {
      const auto bytes = reference->bytes().subspan(row * ours.size_bytes(), ours.size_bytes());
      comparison.add_row(bytes, ours);
    }
  }));
  WEFT_TRY(written);
  if (out) WEFT_TRY(out->commit());
  if (reference) std::printf("%s\n", comparison.summary().c_str());
  return kExitOk;
}

}  // namespace

void add_logits_command(CLI::App& app, int& exit_code) {
  auto flags = std::make_shared<LogitsFlags>();
  CLI::App* command =
      app.add_subcommand("logits", "Logits of every token, as float32 [tokens, vocab]");
  command->add_option("model", flags->model, "A path or a name below $WEFT_MODELS")->required();
  command->add_option("--tokens", flags->tokens, "Token ids: 1,2,3")->required();
  command->add_option("--out", flags->out, "Write them here");
  command->add_option("--against", flags->against,
                      "Compare with this file: KL divergence, largest difference, agreement");
  command->add_option("--chunk", flags->chunk, "Tokens computed in one step")
      ->check(number_in(1, 1 << 20, "a whole number of at least 1"))
      ->capture_default_str();
  command->add_option("--kv-type", flags->kv_type, "How keys and values are kept (auto = f32)")
      ->check(CLI::IsMember({"auto", "f32", "f16", "bf16"}));
  flags->engine.add_to(*command);
  command->callback([flags, &exit_code] {
    if (flags->out.empty() && flags->against.empty()) {
      exit_code = report_usage("logits: --out or --against is needed");
      return;
    }
    auto result = logits(*flags);
    exit_code = result ? *result : report(result.error());
  });
}

}  // namespace weft::tools
