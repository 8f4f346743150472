#include "tools/inspection.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "api/model.h"
#include "core/text/tokenizer.h"
#include "gguf/vocab_loader.h"

namespace weft::tools {
namespace {

std::vector<TypeTotal> total_by_type(const gguf::TensorList& tensors) {
  std::vector<TypeTotal> totals;
  for (const HostTensor& tensor : tensors) {
    auto row = std::find_if(totals.begin(), totals.end(),
                            [&](const TypeTotal& total) { return total.type == tensor.type; });
    if (row == totals.end()) row = totals.insert(totals.end(), {.type = tensor.type});
    ++row->tensors;
    row->elements += tensor.elements();
    row->bytes += tensor.bytes.size();
  }
  std::stable_sort(totals.begin(), totals.end(),
                   [](const TypeTotal& a, const TypeTotal& b) { return a.bytes > b.bytes; });
  return totals;
}

Result<std::vector<StopToken>> find_stop_tokens(const gguf::Metadata& metadata) {
  WEFT_TRY_ASSIGN(Vocab vocab, gguf::load_vocab(metadata));
  WEFT_TRY_ASSIGN(const auto tokenizer, Tokenizer::create(std::move(vocab)));
  std::vector<StopToken> tokens;
  for (const int32_t id : tokenizer->stop_ids()) {
    tokens.push_back({id, tokenizer->vocab().tokens[static_cast<size_t>(id)]});
  }
  return tokens;
}

// What a context of these parameters takes, without making one.
Result<MemoryLedger> find_memory(const std::string& path, int32_t ctx_size) {
  WEFT_TRY_ASSIGN(const auto model, Model::load(path, {.device = "cpu"}));
  return Context::required_memory(*model, {.n_ctx = ctx_size});
}

}  // namespace

Result<Inspection> inspect(const std::string& path, int32_t ctx_size) {
  WEFT_TRY_ASSIGN(gguf::File file, gguf::File::open(path));
  Inspection found{.file = std::move(file)};
  for (const HostTensor& tensor : found.file.tensors()) {
    found.n_params += tensor.elements();
    found.tensor_bytes += tensor.bytes.size();
  }
  found.types = total_by_type(found.file.tensors());

  auto stop_tokens = find_stop_tokens(found.file.metadata());
  if (stop_tokens) {
    found.stop_tokens = std::move(*stop_tokens);
  } else {
    found.vocabulary_problem = stop_tokens.error().message;
  }
  found.ctx_size = ctx_size;
  const auto memory = find_memory(path, ctx_size);
  if (memory) {
    found.memory = *memory;
  } else {
    found.model_problem = memory.error().message;
  }
  return found;
}

}  // namespace weft::tools
