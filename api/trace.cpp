#include "api/trace.h"

#include <cstdio>
#include <span>
#include <utility>

namespace weft {
namespace {

std::string number(double value) {
  char text[48];
  std::snprintf(text, sizeof text, "%.3f", value);
  return text;
}

// Viewers take thread 0 for the idle one and a thread with its process' number for the main one:
// neither would be shown as a track of its own.
int64_t thread_of(int32_t group, int32_t track) { return int64_t{10000} * group + track; }

// The least difference of times that is written, in microseconds.
constexpr double kTick = 0.001;

// The fields every event begins with.
std::string head(const char* phase, int32_t group, int32_t track) {
  return std::string("{\"ph\":\"") + phase + "\",\"pid\":" + std::to_string(group) +
         ",\"tid\":" + std::to_string(thread_of(group, track));
}

// Names are the engine's own: nothing in them needs escaping.
std::string head(const char* phase, int32_t group, int32_t track, std::string_view name) {
  return head(phase, group, track) + ",\"name\":\"" + std::string(name) + "\"";
}

std::string args_of(std::string_view args) {
  return args.empty() ? "" : ",\"args\":{" + std::string(args) + "}";
}

}  // namespace

Result<std::shared_ptr<Trace>> Trace::create(const std::string& path) {
  WEFT_TRY_ASSIGN(AtomicFile file, AtomicFile::create(path));
  return std::shared_ptr<Trace>(new Trace(std::move(file)));
}

Trace::Trace(AtomicFile file) : file_(std::move(file)) {}

Trace::~Trace() { (void)close(); }

Result<void> Trace::close() {
  const std::lock_guard lock(mutex_);
  if (std::exchange(closed_, true) || !written_) return written_;
  const std::string_view end = any_ ? "\n]\n" : "[]\n";
  written_ = file_.write(std::as_bytes(std::span(end)));
  if (written_) written_ = file_.commit();
  return written_;
}

int32_t Trace::add_group(std::string_view name) {
  int32_t group = 0;
  {
    const std::lock_guard lock(mutex_);
    group = ++groups_;
  }
  write(head("M", group, 0, "process_name") + args_of("\"name\":\"" + std::string(name) + "\"") +
        "}");
  return group;
}

void Trace::name_track(int32_t group, int32_t track, std::string_view name) {
  write(head("M", group, track, "thread_name") + args_of("\"name\":\"" + std::string(name) + "\"") +
        "}");
  // Tracks are shown in this order.
  write(head("M", group, track, "thread_sort_index") +
        args_of("\"sort_index\":" + std::to_string(track)) + "}");
}

void Trace::span(int32_t group, int32_t track, std::string_view name, Clock::time_point begin,
                 Clock::time_point end, std::string_view args) {
  write(head("X", group, track, name) + ",\"ts\":" + number(microseconds(begin)) +
        ",\"dur\":" + number(microseconds(end) - microseconds(begin)) + args_of(args) + "}");
}

void Trace::begin(int32_t group, int32_t track, std::string_view name, Clock::time_point at) {
  write(head("B", group, track, name) + ",\"ts\":" + number(microseconds(at) - kTick) + "}");
}

void Trace::end(int32_t group, int32_t track, Clock::time_point at, std::string_view args) {
  write(head("E", group, track) + ",\"ts\":" + number(microseconds(at) + kTick) + args_of(args) +
        "}");
}

void Trace::instant(int32_t group, int32_t track, std::string_view name, Clock::time_point at) {
  write(head("i", group, track, name) + ",\"ts\":" + number(microseconds(at)) + ",\"s\":\"t\"}");
}

void Trace::counter(int32_t group, std::string_view name, Clock::time_point at,
                    std::string_view args) {
  write(head("C", group, 0, name) + ",\"ts\":" + number(microseconds(at)) + args_of(args) + "}");
}

double Trace::microseconds(Clock::time_point time) const {
  return std::chrono::duration<double, std::micro>(time - start_).count();
}

void Trace::write(const std::string& event) {
  const std::lock_guard lock(mutex_);
  if (closed_ || !written_) return;
  const std::string line = (std::exchange(any_, true) ? ",\n" : "[\n") + event;
  written_ = file_.write(std::as_bytes(std::span(line)));
}

}  // namespace weft
