// Functions of the caller's, as the C++ interface runs them.
#pragma once

#include <stop_token>

#include "api/c/boundary.h"

namespace weft::c {

// Calls `work` with a weft_cancel that is requested once `stop` is.
Result<void> run_work(weft_work work, void* user_data, const std::stop_token& stop);

}  // namespace weft::c
