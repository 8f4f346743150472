// The date and time of day where this machine stands.
#pragma once

namespace weft {

struct DateTime {
  int year = 1970;
  int month = 1;  // 1 … 12
  int day = 1;    // 1 … 31
  int hour = 0, minute = 0, second = 0;
};

DateTime local_time();

}  // namespace weft
