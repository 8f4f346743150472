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
#include "tools/interrupt.h"
#include "tools/logits_compare.h"
#include "tools/options.h"

namespace weft::tools {
namespace {

struct LogitsFlags {
  EngineFlags engine;
  std::string model;
  std::vector<std::string> tokens;
  std::string out, against;
  int chunk = 128;
  std::string kv_type = "auto";
};

Result<void> logits(const LogitsFlags& flags, const std::vector<int32_t>& ids) {
  WEFT_TRY_ASSIGN(const std::string path, require_model(flags.model));
  Interrupt interrupt;
  WEFT_TRY_ASSIGN(auto model, load_model(path, flags.engine.model_options()));
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
    interrupt.defer();  // what was written so far is to be removed
    WEFT_TRY_ASSIGN(out, AtomicFile::create(flags.out));
  }
  LogitsComparison comparison;
  Result<void> written;
  const Context::OnRow on_row = [&](int64_t row, std::span<const float> ours) {
    if (out && written) written = out->write(std::as_bytes(ours));
    if (reference) {
      const auto bytes = reference->bytes().subspan(row * ours.size_bytes(), ours.size_bytes());
      comparison.add_row(bytes, ours);
    }
  };
  WEFT_TRY(context->evaluate(ids, flags.chunk, on_row, interrupt.token()));
  WEFT_TRY(written);
  if (out) WEFT_TRY(out->commit());
  if (reference) std::printf("%s\n", comparison.summary().c_str());
  return {};
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
      ->check(whole_number_in(1, 1 << 20))
      ->capture_default_str();
  add_kv_type_flag(*command, flags->kv_type);
  flags->engine.add_to(*command);
  command->callback([flags, &exit_code] {
    if (flags->out.empty() && flags->against.empty()) {
      exit_code = report_usage("logits: --out or --against is needed");
      return;
    }
    const auto ids = parse_ids(flags->tokens);
    if (!ids || ids->empty()) {
      exit_code = report_usage(ids ? "logits: --tokens holds no token id" : ids.error().message);
      return;
    }
    auto result = logits(*flags, *ids);
    exit_code = result ? kExitOk : report(result.error());
  });
}

}  // namespace weft::tools
