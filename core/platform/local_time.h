// The date and time of day where this machine stands.
#pragma once

namespace weft {

// A date and a time of day, in whichever zone.
struct DateTime {
  int year = 1970;  // of the Gregorian calendar
  int month = 1;    // 1 … 12
  int day = 1;      // 1 … 31
  int hour = 0;     // 0 … 23
  int minute = 0;   // 0 … 59
  int second = 0;   // 0 … 60
};

// Now, in this machine's zone.
DateTime local_time();

}  // namespace weft
