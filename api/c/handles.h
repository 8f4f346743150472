// What the handles are that several files of this folder take.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "api/async/cancellation.h"
#include "api/async/context.h"
#include "api/async/model.h"
#include "api/async/runtime.h"
#include "api/c/weft.h"
#include "api/engine.h"
#include "api/model.h"

struct weft_text {
  std::string value;
};

struct weft_ids {
  std::vector<int32_t> value;
};

struct weft_model {
  std::shared_ptr<const weft::Model> value;
};

struct weft_cancel {
  weft::async::CancellationToken value;
};

struct weft_runtime {
  std::shared_ptr<weft::async::Runtime> value;
};

struct weft_async_model {
  weft::async::AsyncModel value;
};

struct weft_async_context {
  weft::async::AsyncContext value;
};

struct weft_stream {
  explicit weft_stream(weft::async::TokenStream stream) : value(std::move(stream)) {
    for (const std::string& text : value.config().stop_sequences) {
      stop_sequences.push_back({text.c_str(), text.size()});
    }
  }
  weft::async::TokenStream value;
  weft::async::TokenData last;              // whose text weft_stream_try_next() has given
  std::vector<weft_string> stop_sequences;  // of weft_stream_get_config()
};

// An engine, or that of another handle, which it keeps alive.
struct weft_engine {
  std::shared_ptr<weft::async::Runtime> runtime;
  std::shared_ptr<weft::Engine> value;
  bool is_own;
};
