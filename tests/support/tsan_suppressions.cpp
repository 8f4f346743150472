// What ThreadSanitizer reports wrongly, and no more: Boost.Asio counts references to an executor
// down with a release and, before the last owner deletes it, a fence. The sanitizer knows no fences
// (GCC says so of -fsanitize=thread) and sees a deletion that nothing orders.

extern "C" const char* __tsan_default_suppressions();  // called by the sanitizer
const char* __tsan_default_suppressions() {
  return "race:boost::asio::execution::detail::shared_target_executor::~shared_target_executor\n";
}
