// Inference and its jobs: handlers of ours and of the caller's.
#include "api/inference.h"

#include <stop_token>

#include "api/c/boundary.h"
#include "api/c/completion.h"
#include "api/c/convert.h"
#include "api/c/handles.h"
#include "api/c/inference_handles.h"
#include "api/c/post.h"
#include "api/inference/job_hooks.h"

using namespace weft;
using namespace weft::c;
using inference::Inference;
using inference::Job;
using inference::JobHooks;
using Output = inference::TokenOutput;  // not the engine's

struct weft_inference {
  std::shared_ptr<async::Runtime> runtime;  // outlives the handlers, which tell of jobs on it
  Inference value;
};

struct weft_out_stream {
  inference::OutStream<Output>& value;
};

struct weft_job {
  std::shared_ptr<Job> value;
  bool has_reader = false;  // on_output
  Output last;              // whose text weft_job_next() has given
};

namespace {

Result<inference::GenerateRequest> request_of(const weft_generate_request* request) {
  WEFT_TRY(given({{request, "request"}}));
  WEFT_TRY(check_size(*request, "request"));
  WEFT_TRY_ASSIGN(const auto prompt, text_of(request->prompt, request->prompt_size, "prompt"));
  return inference::GenerateRequest{.prompt = std::string(prompt),
                                    .max_tokens = request->max_tokens,
                                    .temperature = request->temperature,
                                    .top_p = request->top_p,
                                    .seed = request->seed};
}

Result<std::vector<inference::Device>> devices_of(const char* const* devices, size_t count) {
  if (count > 0) WEFT_TRY(given({{devices, "devices"}}));
  std::vector<inference::Device> result;
  for (size_t i = 0; i < count; ++i) {
    WEFT_TRY(given({{devices[i], "devices"}}));
    result.emplace_back(devices[i]);
  }
  return result;
}

// A caller's handler as one of ours.
inference::Handler handler_of(weft_handler handler, void* user_data) {
  return [=](inference::GenerateRequest request, inference::ModelAccessor<inference::Llama>& model,
             inference::CancelToken cancelled, inference::OutStream<Output>& out) -> Result<void> {
    const weft_generate_request asked{.struct_size = sizeof(weft_generate_request),
                                      .prompt = request.prompt.c_str(),
                                      .prompt_size = request.prompt.size(),
                                      .max_tokens = request.max_tokens,
                                      .temperature = request.temperature,
                                      .top_p = request.top_p,
                                      .seed = request.seed};
    const weft_llama lent{.value = model.model()};
    const weft_cancel cancel;
    const std::stop_callback link(cancelled.stop_token(), [&cancel] { cancel.value.cancel(); });
    weft_out_stream stream{.value = out};
    weft_error* error = nullptr;
    const weft_status status =
        call_out(handler, user_data, &asked, &lent, &cancel, &stream, &error);
    return outcome_of(status, error);
  };
}

Result<void> build(weft_runtime* runtime, const weft_llama* llama, inference::Handler handler,
                   const weft_inference_options* options, weft_inference** result) {
  WEFT_TRY(given({{llama, "llama"}, {result, "inference"}}));
  WEFT_TRY_ASSIGN(const auto all, options_of(options, weft_inference_options_init, "options"));
  WEFT_TRY_ASSIGN(auto callbacks, runtime_of(runtime));
  hand_out(result, std::move(callbacks),
           Inference(llama->value, std::move(handler),
                     {.max_handlers = all.max_handlers, .max_waiting = all.max_waiting}));
  return {};
}

// Tells a caller of a job's outputs and end, one call at a time, on the runtime.
class Teller : public std::enable_shared_from_this<Teller> {
 public:
  Teller(std::shared_ptr<async::Runtime> runtime, std::shared_ptr<Job> job,
         weft_on_output on_output, void* user_data, weft_on_done on_done)
      : runtime_(std::move(runtime)),
        job_(std::move(job)),
        on_output_(on_output),
        user_data_(user_data) {
    if (on_done != nullptr) done_.emplace(on_done, user_data);
  }

  void start() {
    if (on_output_ != nullptr) {
      wait_for_output();
    } else {
      JobHooks::when_ended(*job_, [self = shared_from_this()] {
        post(self->runtime_, [self] { self->tell_end(); });
      });
    }
  }

 private:
  void wait_for_output() {
    JobHooks::when_ready(job_->stream, [self = shared_from_this()] {
      post(self->runtime_, [self] { self->tell_outputs(); });
    });
  }
  void tell_outputs() {
    while (auto next = JobHooks::try_next(job_->stream)) {
      if (!*next) return tell_end();
      const weft_output told = output_of(**next);
      call_out(on_output_, user_data_, &told);
    }
    wait_for_output();
  }
  void tell_end() {
    if (!done_) return;
    auto result = job_->join();
    if (result) {
      done_->succeed();
    } else {
      done_->fail(std::move(result.error()));
    }
  }

  const std::shared_ptr<async::Runtime> runtime_;
  const std::shared_ptr<Job> job_;
  const weft_on_output on_output_;
  void* const user_data_;
  std::optional<Completion<>> done_;
};

// What next() or try_next() gave.
Result<void> put_output(weft_job& job, std::optional<Output> next, weft_output* output,
                        weft_poll* state) {
  if (!next) {
    *state = WEFT_POLL_FINISHED;
    return {};
  }
  job.last = std::move(*next);
  *state = WEFT_POLL_READY;
  return fill(output, output_of(job.last), "output");
}

Result<void> may_read(const weft_job* job, const weft_output* output, const weft_poll* state) {
  WEFT_TRY(given({{job, "job"}, {output, "output"}, {state, "state"}}));
  if (job->has_reader) {
    return fail(ErrorCode::kInvalidArgument, "job: its outputs go to its on_output");
  }
  return check_size(*output, "output");
}

}  // namespace

extern "C" {

void weft_generate_request_init(weft_generate_request* request, size_t struct_size) {
  const inference::GenerateRequest defaults;
  init_struct(request, struct_size,
              weft_generate_request{.struct_size = 0,
                                    .prompt = "",
                                    .prompt_size = 0,
                                    .max_tokens = defaults.max_tokens,
                                    .temperature = defaults.temperature,
                                    .top_p = defaults.top_p,
                                    .seed = defaults.seed});
}

void weft_inference_options_init(weft_inference_options* options, size_t struct_size) {
  const inference::InferenceOptions defaults;
  init_struct(options, struct_size,
              weft_inference_options{.struct_size = 0,
                                     .max_handlers = defaults.max_handlers,
                                     .max_waiting = defaults.max_waiting});
}

weft_status weft_out_stream_emit(weft_out_stream* stream, const weft_output* output,
                                 weft_error** error) {
  return guarded(error, [&]() -> Result<void> {
    WEFT_TRY(given({{stream, "stream"}, {output, "output"}}));
    WEFT_TRY(check_size(*output, "output"));
    WEFT_TRY_ASSIGN(const auto text, text_of(output->text, output->size, "output.text"));
    return stream->value.emit(
        {.token = std::string(text), .token_id = output->token_id, .index = output->index});
  });
}

weft_status weft_inference_new(weft_runtime* runtime, const weft_llama* llama,
                               weft_handler_kind kind, const weft_inference_options* options,
                               weft_inference** inference, weft_error** error) {
  return guarded(error, [&]() -> Result<void> {
    if (kind == WEFT_HANDLER_CONCURRENT) {
      return build(runtime, llama, inference::concurrent_streaming_handler, options, inference);
    }
    if (kind == WEFT_HANDLER_BLOCKING) {
      return build(runtime, llama, inference::streaming_handler, options, inference);
    }
    return fail(ErrorCode::kInvalidArgument,
                "kind: " + std::to_string(kind) + ", expected a WEFT_HANDLER_ value");
  });
}

weft_status weft_inference_new_with_handler(weft_runtime* runtime, const weft_llama* llama,
                                            weft_handler handler, void* user_data,
                                            const weft_inference_options* options,
                                            weft_inference** inference, weft_error** error) {
  return guarded(error, [&]() -> Result<void> {
    WEFT_TRY(given({{handler, "handler"}}));
    return build(runtime, llama, handler_of(handler, user_data), options, inference);
  });
}

void weft_inference_free(weft_inference* inference) { free_handle(inference); }

void weft_inference_stop(weft_inference* inference) {
  if (inference != nullptr) inference->value.stop();
}

weft_status weft_inference_into_model(weft_inference* inference, weft_llama** llama,
                                      weft_error** error) {
  return guarded(error, [&]() -> Result<void> {
    WEFT_TRY(given({{inference, "inference"}, {llama, "llama"}}));
    hand_out(llama, inference->value.into_model());
    return {};
  });
}

weft_status weft_inference_submit(weft_inference* inference, weft_alone f, void* user_data,
                                  weft_error** error) {
  return guarded(error, [&]() -> Result<void> {
    WEFT_TRY(given({{inference, "inference"}, {f, "f"}}));
    return inference->value.submit(
        [&](inference::Llama& alone) { return run_alone(f, user_data, alone); });
  });
}

weft_status weft_inference_spawn(weft_inference* inference, const weft_generate_request* request,
                                 const char* const* devices, size_t num_devices,
                                 weft_on_output on_output, weft_on_done on_done, void* user_data,
                                 weft_job** job, weft_error** error) {
  return guarded(error, [&]() -> Result<void> {
    WEFT_TRY(given({{inference, "inference"}}));
    WEFT_TRY_ASSIGN(auto asked, request_of(request));
    WEFT_TRY_ASSIGN(auto where, devices_of(devices, num_devices));
    const auto spawned = std::make_shared<Job>(
        inference->value.infer(std::move(asked)).with_devices(std::move(where)).spawn());
    if (job != nullptr) hand_out(job, spawned, on_output != nullptr, Output());
    // Without a handle somebody has to hold the job until its end: its teller does.
    std::make_shared<Teller>(inference->runtime, spawned, on_output, user_data, on_done)->start();
    return {};
  });
}

weft_status weft_inference_run(weft_inference* inference, const weft_generate_request* request,
                               const char* const* devices, size_t num_devices,
                               weft_outputs** outputs, weft_error** error) {
  return guarded(error, [&]() -> Result<void> {
    WEFT_TRY(given({{inference, "inference"}, {outputs, "outputs"}}));
    WEFT_TRY_ASSIGN(auto asked, request_of(request));
    WEFT_TRY_ASSIGN(auto where, devices_of(devices, num_devices));
    WEFT_TRY_ASSIGN(auto all,
                    inference->value.infer(std::move(asked)).with_devices(std::move(where)).run());
    hand_out(outputs, std::move(all));
    return {};
  });
}

weft_status weft_job_next(weft_job* job, weft_output* output, weft_poll* state,
                          weft_error** error) {
  return guarded(error, [&]() -> Result<void> {
    WEFT_TRY(may_read(job, output, state));
    return put_output(*job, job->value->stream.next(), output, state);
  });
}

weft_status weft_job_try_next(weft_job* job, weft_output* output, weft_poll* state,
                              weft_error** error) {
  return guarded(error, [&]() -> Result<void> {
    WEFT_TRY(may_read(job, output, state));
    auto next = JobHooks::try_next(job->value->stream);
    if (next) return put_output(*job, std::move(*next), output, state);
    *state = WEFT_POLL_PENDING;
    return {};
  });
}

void weft_job_cancel(weft_job* job) {
  if (job != nullptr) job->value->cancel();
}

weft_status weft_job_join(const weft_job* job, weft_error** error) {
  return guarded(error, [&]() -> Result<void> {
    WEFT_TRY(given({{job, "job"}}));
    return job->value->join();
  });
}

void weft_job_free(weft_job* job) {
  weft_job_cancel(job);  // its teller may hold it a little longer
  free_handle(job);
}

}  // extern "C"
