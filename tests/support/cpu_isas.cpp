#include "tests/support/cpu_isas.h"

#include <ostream>
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

namespace {

Result<std::unique_ptr<Backend>> create(const CpuKernels& kernels, int threads) {
  WEFT_TRY_ASSIGN(const Activations activations, parse_activations(kernels.activations));
  return create_cpu_backend({.threads = threads, .isa = kernels.isa, .activations = activations});
}

}  // namespace

std::vector<CpuKernels> cpu_kernels() {
  std::vector<CpuKernels> all;
  for (const std::string& isa : cpu_isas()) {
    for (const Activations activations : all_activations()) {
      const CpuKernels kernels = {isa, std::string(activations_name(activations))};
      if (create(kernels, 1)) all.push_back(kernels);
    }
  }
  return all;
}

std::string kernels_name(const CpuKernels& kernels) {
  return kernels.isa + "_" + kernels.activations;
}

void PrintTo(const CpuKernels& kernels, std::ostream* out) { *out << kernels_name(kernels); }

std::unique_ptr<Backend> make_cpu_backend(const CpuKernels& kernels, int threads) {
  auto backend = create(kernels, threads);
  if (!backend) throw std::runtime_error(backend.error().message);
  return std::move(*backend);
}

std::unique_ptr<Backend> make_cpu_backend(const std::string& isa, int threads) {
  auto backend = create_cpu_backend({.threads = threads, .isa = isa});
  if (!backend) throw std::runtime_error(backend.error().message);
  return std::move(*backend);
}

}  // namespace weft::test
