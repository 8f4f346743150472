#include "tests/support/cpu_isas.h"

#include <stdexcept>
#include <utility>

#include "core/cpu_features.h"
#include "kernels/cpu/cpu_backend.h"
#include "kernels/cpu/dispatch.h"

namespace weft::test {

std::vector<std::string> cpu_isas() {
  std::vector<std::string> names;
  for (const cpu::KernelTable* table : cpu::all_tables()) {
    if (table->supported(detect_cpu_features())) names.emplace_back(table->isa);
  }
  return names;
}

std::string cpu_isa_missing(const std::string& isa) {
  const auto backend = create_cpu_backend({.threads = 1, .isa = isa});
  return backend ? "" : backend.error().message;
}

std::unique_ptr<Backend> make_cpu_backend(const std::string& isa, int threads) {
  auto backend = create_cpu_backend({.threads = threads, .isa = isa});
  if (!backend) throw std::runtime_error(backend.error().message);
  return std::move(*backend);
}

}  // namespace weft::test
