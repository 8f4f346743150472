// The two handlers that come with weft.
#include "api/inference.h"

namespace weft::inference {

// A stream of the engine rather than turns that are asked for one by one: then it is the
// scheduler that gives every active request its token in every step, however late a handler's
// thread wakes up, and the next step need not wait for any of them.
Result<void> concurrent_streaming_handler(GenerateRequest request, ModelAccessor<Llama>& model,
                                          CancelToken cancel, OutStream<TokenOutput>& output) {
  if (cancel.is_cancelled()) return fail(ErrorCode::kCancelled, "Generation cancelled");
  WEFT_TRY_ASSIGN(TokenStream stream, model.model().engine().submit(
                                          {.prompt = std::move(request.prompt),
                                           .max_tokens = request.max_tokens,
                                           .sampling = {.temperature = float(request.temperature),
                                                        .top_k = 0,
                                                        .top_p = float(request.top_p),
                                                        .seed = request.seed},
                                           .emit_stop_token = true}));
  const std::stop_callback on_cancel(cancel.stop_token(), [&stream] { stream.cancel(); });
  for (;;) {
    WEFT_TRY_ASSIGN(auto token, stream.next());
    if (!token) return {};
    WEFT_TRY(output.emit(
        {.token = std::move(token->text), .token_id = token->id, .index = token->index}));
  }
}

Result<void> streaming_handler(GenerateRequest request, ModelAccessor<Llama>& model, CancelToken,
                               OutStream<TokenOutput>& output) {
  // Both the turns and emit() fail once the job is cancelled.
  return model.submit([&](Llama& alone) -> Result<void> {
    Sampler sampler(request.top_p, request.seed);
    WEFT_TRY(alone.generate_streaming(request.prompt, request.max_tokens, request.temperature,
                                      sampler,
                                      [&](const TokenOutput& made) { return output.emit(made); }));
    return {};
  });
}

}  // namespace weft::inference
