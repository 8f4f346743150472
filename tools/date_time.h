// A date and time as the command line takes it.
#pragma once

#include <string_view>

#include "core/error.h"
#include "core/platform/local_time.h"

namespace weft::tools {

// "2026-01-02T03:04:05", also with a space for the T, or a date alone. Fails with
// kInvalidArgument.
Result<DateTime> parse_date_time(std::string_view text);

}  // namespace weft::tools
