#include "api/async/context.h"
#include "api/c/boundary.h"
#include "api/c/completion.h"
#include "api/c/convert.h"
#include "api/c/handles.h"

using namespace weft;
using namespace weft::c;

namespace {

Result<std::vector<async::Batch>> batches_of(const weft_batch* batches, size_t count) {
  if (count > 0) WEFT_TRY(given({{batches, "batches"}}));
  std::vector<async::Batch> result;
  result.reserve(count);
  for (const weft_batch& each : std::span(batches, count)) {
    WEFT_TRY_ASSIGN(const auto ids, ids_of(each.ids, each.count, "batches.ids"));
    result.push_back({.ids = {ids.begin(), ids.end()}, .max_tokens = each.max_tokens});
  }
  return result;
}

}  // namespace

extern "C" {

weft_status weft_async_context_new(const weft_async_model* model, const weft_context_params* params,
                                   weft_on_async_context on_context, void* user_data,
                                   weft_error** error) {
  return guarded(error, [&]() -> Result<void> {
    WEFT_TRY(given({{model, "model"}, {on_context, "on_context"}}));
    WEFT_TRY_ASSIGN(auto all, context_params_of(params));
    async::AsyncContext::create(model->value, std::move(all),
                                answer_handle<async::AsyncContext>(on_context, user_data));
    return {};
  });
}

void weft_async_context_free(weft_async_context* context) { free_handle(context); }

weft_status weft_async_context_generate(const weft_async_context* context, const char* prompt,
                                        size_t size, int32_t max_tokens, const weft_cancel* cancel,
                                        weft_on_text on_text, void* user_data, weft_error** error) {
  return guarded(error, [&]() -> Result<void> {
    WEFT_TRY(given({{context, "context"}, {on_text, "on_text"}}));
    WEFT_TRY_ASSIGN(const auto text, text_of(prompt, size, "prompt"));
    context->value.generate(std::string(text), max_tokens, token_of(cancel),
                            answer_text(on_text, user_data));
    return {};
  });
}

weft_status weft_async_context_generate_stream(const weft_async_context* context,
                                               const int32_t* ids, size_t count,
                                               const weft_stream_config* config,
                                               weft_on_stream on_stream, void* user_data,
                                               weft_error** error) {
  return guarded(error, [&]() -> Result<void> {
    WEFT_TRY(given({{context, "context"}, {on_stream, "on_stream"}}));
    WEFT_TRY_ASSIGN(const auto all, ids_of(ids, count, "ids"));
    WEFT_TRY_ASSIGN(auto how, stream_config_of(config));
    context->value.generate_stream({all.begin(), all.end()}, std::move(how),
                                   answer_handle<async::TokenStream>(on_stream, user_data));
    return {};
  });
}

weft_status weft_async_context_process_batch(const weft_async_context* context,
                                             const weft_batch* batches, size_t count,
                                             weft_on_id_lists on_lists, void* user_data,
                                             weft_error** error) {
  return guarded(error, [&]() -> Result<void> {
    WEFT_TRY(given({{context, "context"}, {on_lists, "on_lists"}}));
    WEFT_TRY_ASSIGN(auto all, batches_of(batches, count));
    using Lists = async::AsyncContext::BatchIds;
    context->value.process_batch(
        std::move(all), answer<Lists>(on_lists, user_data, [](auto& done, const Lists& lists) {
          std::vector<weft_id_list> views;
          for (const auto& ids : lists) views.push_back({ids.data(), ids.size()});
          done.succeed(views.data(), views.size());
        }));
    return {};
  });
}

weft_status weft_async_context_clear(const weft_async_context* context, weft_on_done on_done,
                                     void* user_data, weft_error** error) {
  return guarded(error, [&]() -> Result<void> {
    WEFT_TRY(given({{context, "context"}, {on_done, "on_done"}}));
    context->value.clear(answer_done(on_done, user_data));
    return {};
  });
}

weft_status weft_async_context_save_state(const weft_async_context* context, const char* path,
                                          weft_on_done on_done, void* user_data,
                                          weft_error** error) {
  return guarded(error, [&]() -> Result<void> {
    WEFT_TRY(given({{context, "context"}, {path, "path"}, {on_done, "on_done"}}));
    context->value.save_state(path, answer_done(on_done, user_data));
    return {};
  });
}

weft_status weft_async_context_load_state(const weft_async_context* context, const char* path,
                                          weft_on_done on_done, void* user_data,
                                          weft_error** error) {
  return guarded(error, [&]() -> Result<void> {
    WEFT_TRY(given({{context, "context"}, {path, "path"}, {on_done, "on_done"}}));
    context->value.load_state(path, answer_done(on_done, user_data));
    return {};
  });
}

weft_status weft_async_context_get_ids(const weft_async_context* context, weft_ids** ids,
                                       weft_error** error) {
  return guarded(error, [&]() -> Result<void> {
    WEFT_TRY(given({{context, "context"}, {ids, "ids"}}));
    hand_out(ids, context->value.tokens());
    return {};
  });
}

}  // extern "C"
