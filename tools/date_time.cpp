#include "tools/date_time.h"

#include <array>

namespace weft::tools {
namespace {

// Digits as a number; -1 for anything else.
int number(std::string_view digits) {
  int value = 0;
  for (const char c : digits) {
    if (c < '0' || c > '9') return -1;
    value = value * 10 + (c - '0');
  }
  return value;
}

int days_of(int year, int month) {
  constexpr std::array kDays = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  const bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
  return kDays[static_cast<size_t>(month - 1)] + (month == 2 && leap ? 1 : 0);
}

}  // namespace

Result<DateTime> parse_date_time(std::string_view text) {
  const auto wrong = [&] {
    return fail(ErrorCode::kInvalidArgument, "--now: \"" + std::string(text.substr(0, 40)) +
                                                 "\", expected a time like 2026-01-02T03:04:05");
  };
  if (text.size() != 10 && text.size() != 19) return wrong();
  if (text[4] != '-' || text[7] != '-') return wrong();
  DateTime time{.year = number(text.substr(0, 4)),
                .month = number(text.substr(5, 2)),
                .day = number(text.substr(8, 2))};
  if (text.size() == 19) {
    if ((text[10] != 'T' && text[10] != ' ') || text[13] != ':' || text[16] != ':') return wrong();
    time.hour = number(text.substr(11, 2));
    time.minute = number(text.substr(14, 2));
    time.second = number(text.substr(17, 2));
  }
  const bool date = time.year >= 1 && time.month >= 1 && time.month <= 12 && time.day >= 1 &&
                    time.day <= days_of(time.year, time.month);
  const bool of_day = time.hour >= 0 && time.hour < 24 && time.minute >= 0 && time.minute < 60 &&
                      time.second >= 0 && time.second < 61;
  if (!date || !of_day) return wrong();
  return time;
}

}  // namespace weft::tools
