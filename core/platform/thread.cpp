#include "core/platform/thread.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <future>
#include <pthread.h>
#include <sched.h>
#include <unistd.h>
#include <utility>

#include <climits>

#include "core/check.h"
#include "core/platform/cpus.h"

namespace weft::platform {
namespace {

struct Start {
  std::string name;
  std::function<void()> main;
  std::vector<int> cpus = {};                   // ascending
  std::promise<std::vector<int>> found_cpus{};  // where it is bound: what it may run on
};

void set_current_name(const std::string& name) {
#if defined(__APPLE__)
  pthread_setname_np(name.c_str());
#else
  pthread_setname_np(pthread_self(), name.c_str());
#endif
}

void* thread_main(void* argument) {
  const std::unique_ptr<Start> start(static_cast<Start*>(argument));
  if (!start->name.empty()) set_current_name(start->name);
  if (!start->cpus.empty()) {
    std::vector<int> found = allowed_cpus();
    const bool as_asked = found == start->cpus;
    start->found_cpus.set_value(std::move(found));
    if (!as_asked) return nullptr;
  }
  start->main();
  return nullptr;
}

std::string list_of(const std::vector<int>& cpus) {
  std::string text;
  for (const int cpu : cpus) text += (text.empty() ? "" : ", ") + std::to_string(cpu);
  return text;
}

struct Attributes {
  Attributes() { pthread_attr_init(&value); }
  ~Attributes() { pthread_attr_destroy(&value); }
  Attributes(const Attributes&) = delete;
  Attributes& operator=(const Attributes&) = delete;
  pthread_attr_t value;
};

Result<void> bind(Attributes& attributes, const std::vector<int>& cpus) {
  if (cpus.empty()) return {};
#if defined(__linux__)
  const std::vector<int> allowed = allowed_cpus();
  cpu_set_t set;
  CPU_ZERO(&set);
  for (const int cpu : cpus) {
    if (std::ranges::find(allowed, cpu) == allowed.end()) {
      return fail(ErrorCode::kInvalidArgument,
                  "processor " + std::to_string(cpu) + ": expected one of " + list_of(allowed));
    }
    CPU_SET(cpu, &set);
  }
  pthread_attr_setaffinity_np(&attributes.value, sizeof(set), &set);
  return {};
#else
  (void)attributes;
  return fail(ErrorCode::kUnsupported,
              "processors " + list_of(cpus) + ": this system does not bind threads");
#endif
}

}  // namespace

struct Thread::Handle {
  pthread_t id;
};

Thread::Thread() = default;
Thread::Thread(Thread&&) noexcept = default;
Thread& Thread::operator=(Thread&& other) noexcept {
  WEFT_CHECK(!joinable(), "a thread that was neither joined nor detached");
  handle_ = std::move(other.handle_);
  return *this;
}
Thread::~Thread() { WEFT_CHECK(!joinable(), "a thread that was neither joined nor detached"); }

Result<Thread> Thread::start(const ThreadOptions& options, std::function<void()> main) {
  Attributes attributes;
  if (options.stack_bytes > 0) {
    const auto page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
    const size_t rounded = (options.stack_bytes + page - 1) / page * page;
    if (rounded < options.stack_bytes || pthread_attr_setstacksize(&attributes.value, rounded)) {
      return fail(ErrorCode::kInvalidArgument,
                  "stack size: " + std::to_string(options.stack_bytes) +
                      " bytes, expected at least " + std::to_string(PTHREAD_STACK_MIN));
    }
  }
  WEFT_TRY(bind(attributes, options.cpus));
  auto start = std::make_unique<Start>(Start{options.name.substr(0, 15), std::move(main)});
  start->cpus = options.cpus;
  std::ranges::sort(start->cpus);
  start->cpus.erase(std::unique(start->cpus.begin(), start->cpus.end()), start->cpus.end());
  const std::vector<int> wanted = start->cpus;
  auto found_cpus = start->found_cpus.get_future();
  Thread thread;
  thread.handle_ = std::make_unique<Handle>();
  const int failed =
      pthread_create(&thread.handle_->id, &attributes.value, &thread_main, start.get());
  if (failed != 0) {
    thread.handle_.reset();
    return fail(ErrorCode::kLimitExceeded,
                "the system starts no further thread: " + std::string(std::strerror(failed)));
  }
  static_cast<void>(start.release());  // the thread's own now
  if (wanted.empty()) return thread;
  if (const std::vector<int> found = found_cpus.get(); found != wanted) {
    thread.join();
    return fail(ErrorCode::kInvalidArgument,
                "bound to processors " + list_of(wanted) + ", the thread has " + list_of(found));
  }
  return thread;
}

bool Thread::is_current() const {
  return handle_ != nullptr && pthread_equal(handle_->id, pthread_self()) != 0;
}

void Thread::join() {
  WEFT_CHECK(joinable() && !is_current(), "no thread to join");
  pthread_join(handle_->id, nullptr);
  handle_.reset();
}

void Thread::detach() {
  WEFT_CHECK(joinable(), "no thread to detach");
  pthread_detach(handle_->id);
  handle_.reset();
}

std::string current_thread_name() {
  char name[64] = {};
  pthread_getname_np(pthread_self(), name, sizeof(name));
  return name;
}

size_t current_thread_stack_bytes() {
#if defined(__linux__)
  pthread_attr_t attributes;
  if (pthread_getattr_np(pthread_self(), &attributes) != 0) return 0;
  size_t bytes = 0;
  pthread_attr_getstacksize(&attributes, &bytes);
  pthread_attr_destroy(&attributes);
  return bytes;
#else
  return 0;
#endif
}

int num_threads() {
  std::error_code error;
  int threads = 0;
  for (std::filesystem::directory_iterator it("/proc/self/task", error), end; !error && it != end;
       it.increment(error)) {
    ++threads;
  }
  return threads;
}

}  // namespace weft::platform
