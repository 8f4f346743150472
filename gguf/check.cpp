#include "gguf/check.h"

#include <memory>
#include <utility>

#include "core/platform/cpus.h"
#include "core/text/tokenizer.h"
#include "gguf/file.h"
#include "gguf/model_loader.h"
#include "gguf/printable.h"
#include "gguf/vocab_loader.h"

namespace weft::gguf {
namespace {

Result<void> check_weights(const File& file, const CheckOptions& options,
                           const ScanProgress& progress) {
  const int threads = options.threads > 0 ? options.threads : platform::usable_cpus();
  WEFT_TRY_ASSIGN(const std::unique_ptr<ThreadPool> pool, ThreadPool::create(threads));
  return check_all_finite(file.tensors(), *pool, progress);
}

Result<void> check(const std::string& path, const CheckOptions& options,
                   const ScanProgress& progress, CheckReport& report) {
  WEFT_TRY_ASSIGN(const File file, File::open(path, {.use_mmap = options.use_mmap}));
  report.size_bytes = file.size_bytes();
  report.tensor_count = file.tensors().size();
  if (const auto name = file.metadata().get<std::string_view>("general.architecture")) {
    report.architecture = printable(*name);
  }
  Vocab vocab;
  if (file.tensors().size() == 0 && file.metadata().contains("tokenizer.ggml.model")) {
    report.vocabulary_only = true;
    report.warnings.push_back("no tensors: a vocabulary without a model");
    WEFT_TRY_ASSIGN(vocab, load_vocab(file.metadata()));
  } else {
    WEFT_TRY_ASSIGN(LoadedModel model, load_model(file));
    report.warnings = std::move(model.warnings);
    vocab = std::move(model.vocab);
  }
  WEFT_TRY(Tokenizer::create(std::move(vocab)));
  if (options.deep) WEFT_TRY(check_weights(file, options, progress));
  // What was judged was there until now.
  for (const auto& mapping : file.mappings()) WEFT_TRY(mapping->check_unchanged());
  return {};
}

}  // namespace

CheckReport check_file(const std::string& path, const CheckOptions& options,
                       const ScanProgress& progress) {
  CheckReport report;
  const Result<void> checked = check(path, options, progress, report);
  report.ok = checked.has_value();
  if (!checked) {
    report.code = checked.error().code;
    report.message = checked.error().message;
  }
  return report;
}

}  // namespace weft::gguf
