// A service in small: workers on a queue, and a collector that publishes what the runtime does.
// Usage: async_metrics [MODEL.gguf]
#include <iostream>

#include <boost/asio/use_future.hpp>

#include <weft/async/task_manager.h>

using namespace weft::async;

int main(int argc, char** argv) {
  auto runtime = Runtime::builder().worker_threads(2).thread_name("service").build();
  if (!runtime) return std::cerr << runtime.error().message << "\n", 1;
  const std::string path = argc > 1 ? argv[1] : "model.gguf";
  auto model = AsyncModel::load(*runtime, path, boost::asio::use_future).get();
  if (!model) return std::cerr << model.error().message << "\n", 1;

  const GenerationQueue queue(*runtime);
  TaskManager tasks(*runtime);
  for (const char* name : {"worker-1", "worker-2"}) {
    if (auto ok = tasks.spawn_generation_worker(name, *model, queue); !ok) return 1;
  }
  auto collecting = tasks.spawn_metrics_collector(
      std::chrono::milliseconds(2), [last = uint64_t{0}](const RuntimeMetrics& m) mutable {
        if (m.total_generations == last) return;
        last = m.total_generations;
        std::cout << m.total_generations << " generations, " << m.active_tasks << " tasks\n";
      });
  if (!collecting) return std::cerr << collecting.error().message << "\n", 1;

  std::vector<std::future<weft::Result<std::string>>> texts;
  for (int i = 0; i < 12; ++i) {
    texts.push_back(
        queue.submit("Request " + std::to_string(i), {.max_tokens = 40}, boost::asio::use_future));
  }
  for (auto& text : texts) {
    if (auto done = text.get(); !done) return std::cerr << done.error().message << "\n", 1;
  }
  tasks.stop_all(boost::asio::use_future).wait();
  for (const auto& [name, status] : tasks.worker_status()) {
    std::cout << name << ": " << (status.error ? status.error->message : "finished") << "\n";
  }
  const RuntimeMetrics m = runtime->metrics();
  std::cout << m.total_generations << " generations in all, " << m.avg_generation_ms << " ms each, "
            << m.completed_tasks << " tasks\n";
}
