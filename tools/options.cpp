#include "tools/options.h"

#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <optional>

namespace weft::tools {
namespace {

std::optional<double> parse_number(const std::string& text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

template <class InRange>
CLI::Validator number_where(InRange in_range, const std::string& wanted) {
  return CLI::Validator(
      [in_range, wanted](const std::string& text) -> std::string {
        const std::optional<double> value = parse_number(text);
        if (value && std::isfinite(*value) && in_range(*value)) return "";
        return text + ", expected " + wanted;
      },
      wanted);
}

}  // namespace

CLI::Validator number_in(double low, double high, const std::string& wanted) {
  return number_where([=](double v) { return v >= low && v <= high; }, wanted);
}

CLI::Validator number_above(double low, double high, const std::string& wanted) {
  return number_where([=](double v) { return v > low && v <= high; }, wanted);
}

CLI::Validator unsigned_64() {
  const std::string wanted = "a whole number in 0 … 2^64 - 1";
  return CLI::Validator(
      [wanted](const std::string& text) -> std::string {
        uint64_t value = 0;
        const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
        if (error == std::errc() && end == text.data() + text.size()) return "";
        return text + ", expected " + wanted;
      },
      wanted);
}

void EngineFlags::add_to(CLI::App& command) {
  command.add_option("--threads", model.threads, "Worker threads (default: the usable cores)")
      ->check(number_in(1, 1024, "a whole number in 1 … 1024"));
  command.add_option("--device", model.device, "Where to run")
      ->check(CLI::IsMember({"auto", "cpu", "cuda"}))
      ->capture_default_str();
  command.add_option("--gpu-layers", gpu_layers, "Layers to put on the GPU")
      ->check(number_in(0, 1 << 20, "a whole number of at least 0"));
  command.add_option("--isa", model.isa, "Force a CPU kernel set (scalar, avx2, …)");
  command
      .add_option("--activations", model.activations,
                  "How linear layers hold their inputs (auto = f32)")
      ->check(CLI::IsMember({"auto", "f32", "i16", "f16", "bf16", "int8"}))
      ->capture_default_str();
  command.add_flag("--no-mmap", no_mmap, "Read the file into memory instead of mapping it");
}

ModelOptions EngineFlags::model_options() const {
  if (gpu_layers > 0) {
    std::fprintf(stderr, "infer: warning: --gpu-layers %d: no GPU, running on the CPU\n",
                 gpu_layers);
  }
  ModelOptions options = model;
  options.use_mmap = !no_mmap;
  return options;
}

}  // namespace weft::tools
