// What the handles are that several files of this folder take.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "api/async/cancellation.h"
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
