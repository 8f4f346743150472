#include "core/text/jinja/strftime.h"

#include <array>

namespace weft::jinja {
namespace {

constexpr std::array<std::string_view, 12> kMonths = {
    "January", "February", "March",     "April",   "May",      "June",
    "July",    "August",   "September", "October", "November", "December"};
constexpr std::array<std::string_view, 7> kDays = {"Sunday",   "Monday", "Tuesday", "Wednesday",
                                                   "Thursday", "Friday", "Saturday"};

bool leap(int year) { return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0; }

int day_of_year(const DateTime& t) {
  constexpr std::array<int, 12> kBefore = {0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334};
  const int month = ((t.month - 1) % 12 + 12) % 12;
  return kBefore[static_cast<size_t>(month)] + (month >= 2 && leap(t.year) ? 1 : 0) + t.day;
}

// 0: Sunday
int weekday(const DateTime& t) {
  const int before = t.year - 1;
  const int days = before * 365 + before / 4 - before / 100 + before / 400 + day_of_year(t);
  return (days % 7 + 7) % 7;  // the first day of the year 1 was a Monday
}

std::string padded(int value, size_t width, char fill, bool plain) {
  std::string digits = std::to_string(value);
  if (!plain && digits.size() < width) digits.insert(0, width - digits.size(), fill);
  return digits;
}

// One conversion; "" with known = false for a letter that has none.
std::string convert(char letter, bool plain, const DateTime& t, bool& known) {
  const auto two = [&](int value) { return padded(value, 2, '0', plain); };
  const auto month = kMonths[static_cast<size_t>(((t.month - 1) % 12 + 12) % 12)];
  const auto day = kDays[static_cast<size_t>(weekday(t))];
  const int hour12 = t.hour % 12 == 0 ? 12 : t.hour % 12;
  switch (letter) {
    case 'Y':
      return std::to_string(t.year);
    case 'y':
      return two(t.year % 100);
    case 'm':
      return two(t.month);
    case 'd':
      return two(t.day);
    case 'e':
      return padded(t.day, 2, ' ', plain);
    case 'B':
      return std::string(month);
    case 'b':
    case 'h':
      return std::string(month.substr(0, 3));
    case 'A':
      return std::string(day);
    case 'a':
      return std::string(day.substr(0, 3));
    case 'H':
      return two(t.hour);
    case 'I':
      return two(hour12);
    case 'M':
      return two(t.minute);
    case 'S':
      return two(t.second);
    case 'f':
      return "000000";
    case 'p':
      return t.hour < 12 ? "AM" : "PM";
    case 'j':
      return padded(day_of_year(t), 3, '0', plain);
    case 'u':
      return std::to_string(weekday(t) == 0 ? 7 : weekday(t));
    case 'w':
      return std::to_string(weekday(t));
    case 'F':
      return format_time("%Y-%m-%d", t);
    case 'T':
    case 'X':
      return format_time("%H:%M:%S", t);
    case 'R':
      return format_time("%H:%M", t);
    case 'D':
    case 'x':
      return format_time("%m/%d/%y", t);
    case 'c':
      return format_time("%a %b %e %H:%M:%S %Y", t);
    case 'n':
      return "\n";
    case 't':
      return "\t";
    case '%':
      return "%";
    case 'Z':
    case 'z':
      return "";
    default:
      known = false;
      return "";
  }
}

}  // namespace

std::string format_time(std::string_view format, const DateTime& time) {
  std::string out;
  for (size_t i = 0; i < format.size(); ++i) {
    const bool plain = i + 2 < format.size() && format[i + 1] == '-';
    const size_t letter = i + (plain ? 2 : 1);
    if (format[i] != '%' || letter >= format.size()) {
      out += format[i];
      continue;
    }
    bool known = true;
    const std::string text = convert(format[letter], plain, time, known);
    out += known ? text : std::string(format.substr(i, letter - i + 1));
    i = letter;
  }
  return out;
}

}  // namespace weft::jinja
