#include "api/model.h"

#include <span>

#include "api/c/boundary.h"
#include "api/c/convert.h"
#include "api/c/handles.h"

using namespace weft;
using namespace weft::c;

namespace weft::c {

weft_model_info info_of(const ModelInfo& info) {
  return {.struct_size = sizeof(weft_model_info),
          .name = info.name.c_str(),
          .architecture = info.architecture.c_str(),
          .n_params = info.n_params,
          .n_vocab = info.n_vocab,
          .n_embd = info.n_embd,
          .n_layer = info.n_layer,
          .n_head = info.n_head,
          .n_ctx_train = info.n_ctx_train,
          .size_bytes = info.size_bytes,
          .activations = info.activations.c_str(),
          .kv_type = info.kv_type.c_str(),
          .fingerprint = info.fingerprint,
          .pooling = static_cast<weft_pooling>(info.pooling)};
}

}  // namespace weft::c

namespace {

static_assert(static_cast<int>(Pooling::kLast) == WEFT_POOLING_LAST);
static_assert(static_cast<int>(Pooling::kMean) == WEFT_POOLING_MEAN);
static_assert(static_cast<int>(Pooling::kFirst) == WEFT_POOLING_FIRST);
static_assert(static_cast<int>(Pooling::kMax) == WEFT_POOLING_MAX);

const ModelOptions& defaults() {
  static const ModelOptions options;
  return options;
}

ModelOptions model_options(const weft_model_options& options) {
  ModelOptions result{.device = text_or(options.device, defaults().device),
                      .gpu_layers = gpu_layers_of(options.gpu_layers),
                      .threads = options.threads,
                      .isa = text_or(options.isa, defaults().isa),
                      .activations = text_or(options.activations, defaults().activations),
                      .math = text_or(options.math, defaults().math),
                      .use_mmap = options.use_mmap != 0};
  if (options.on_read != nullptr) {
    result.on_read = [tell = options.on_read, user_data = options.user_data](
                         uint64_t done, uint64_t total) { call_out(tell, user_data, done, total); };
  }
  return result;
}

}  // namespace

extern "C" {

void weft_model_options_init(weft_model_options* options, size_t struct_size) {
  init_struct(options, struct_size,
              weft_model_options{.struct_size = 0,
                                 .device = defaults().device.c_str(),
                                 .threads = defaults().threads,
                                 .isa = defaults().isa.c_str(),
                                 .activations = defaults().activations.c_str(),
                                 .use_mmap = defaults().use_mmap ? 1 : 0,
                                 .on_read = nullptr,
                                 .user_data = nullptr,
                                 .gpu_layers = kAllGpuLayers,
                                 .math = defaults().math.c_str()});
}

weft_status weft_model_load(const char* path, const weft_model_options* options, weft_model** model,
                            weft_error** error) {
  return guarded(error, [&]() -> Result<void> {
    WEFT_TRY(given({{path, "path"}, {model, "model"}}));
    WEFT_TRY_ASSIGN(const auto all, options_of(options, weft_model_options_init, "options"));
    WEFT_TRY_ASSIGN(auto loaded, Model::load(path, model_options(all)));
    hand_out(model, std::move(loaded));
    return {};
  });
}

void weft_model_free(weft_model* model) { free_handle(model); }

weft_status weft_model_get_info(const weft_model* model, weft_model_info* info,
                                weft_error** error) {
  return guarded(error, [&]() -> Result<void> {
    WEFT_TRY(given({{model, "model"}}));
    return fill(info, info_of(model->value->info()), "info");
  });
}

weft_status weft_model_tokenize(const weft_model* model, const char* text, size_t size,
                                int32_t add_bos, int32_t parse_special, weft_ids** ids,
                                weft_error** error) {
  return guarded(error, [&]() -> Result<void> {
    WEFT_TRY(given({{model, "model"}, {ids, "ids"}}));
    WEFT_TRY_ASSIGN(const auto view, text_of(text, size, "text"));
    WEFT_TRY_ASSIGN(auto all, model->value->tokenize(view, add_bos != 0, parse_special != 0));
    hand_out(ids, std::move(all));
    return {};
  });
}

weft_status weft_model_detokenize(const weft_model* model, const int32_t* ids, size_t count,
                                  int32_t special, weft_text** text, weft_error** error) {
  return guarded(error, [&]() -> Result<void> {
    WEFT_TRY(given({{model, "model"}, {text, "text"}}));
    WEFT_TRY_ASSIGN(const auto all, ids_of(ids, count, "ids"));
    hand_out(text, model->value->detokenize(all, special != 0));
    return {};
  });
}

}  // extern "C"
