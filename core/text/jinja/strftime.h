// A date and time written as a format says: Python's strftime() in English, whatever the locale.
#pragma once

#include <string>
#include <string_view>

#include "core/platform/local_time.h"

namespace weft::jinja {

// %Y %y %m %d %e %B %b %A %a %H %I %M %S %f %p %j %u %w %F %T %D %R %c %x %X %n %t %% (%Z and %z:
// nothing); "%-d" without leading zero. Others stay as they are.
std::string format_time(std::string_view format, const DateTime& time);

}  // namespace weft::jinja
