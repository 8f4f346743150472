#include "tools/options.h"

#include <charconv>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <optional>
#include <utility>

#include "tools/progress.h"

namespace weft::tools {
namespace {

// What --packed-cache without a folder stands for.
constexpr const char* kBesideTheModel = "beside the model";

// The whole text as a T, or nothing.
template <class T>
std::optional<T> parse(const std::string& text) {
  T value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

template <class T, class InRange>
CLI::Validator number_where(InRange in_range, const std::string& wanted) {
  return CLI::Validator(
      [in_range, wanted](const std::string& text) -> std::string {
        const std::optional<T> value = parse<T>(text);
        return value && in_range(*value) ? "" : text + ", expected " + wanted;
      },
      wanted);
}

}  // namespace

CLI::Validator whole_number_in(int64_t low, int64_t high) {
  return number_where<int64_t>(
      [=](int64_t v) { return v >= low && v <= high; },
      "a whole number in " + std::to_string(low) + " … " + std::to_string(high));
}

// NaN is in no range, and every range ends before infinity.
CLI::Validator number_in(double low, double high, const std::string& wanted) {
  return number_where<double>([=](double v) { return v >= low && v <= high; }, wanted);
}

CLI::Validator number_above(double low, double high, const std::string& wanted) {
  return number_where<double>([=](double v) { return v > low && v <= high; }, wanted);
}

CLI::Validator unsigned_64() {
  return number_where<uint64_t>([](uint64_t) { return true; }, "a whole number in 0 … 2^64 - 1");
}

CLI::Validator activation_mode() { return CLI::IsMember({"auto", "f32", "i16", "bf16", "int8"}); }

void add_sampling_flags(CLI::App& command, SamplingParams& s) {
  command.add_option("--temperature", s.temperature, "0 takes the most likely token")
      ->check(number_in(0, 1e6, "a finite number of at least 0"))
      ->capture_default_str();
  command.add_option("--top-k", s.top_k, "Keep the k most likely; 0 or -1: all")
      ->check(whole_number_in(-1, 1 << 30))
      ->capture_default_str();
  command.add_option("--top-p", s.top_p, "Keep the smallest set of this probability")
      ->check(number_above(0, 1, "a number in (0, 1]"))
      ->capture_default_str();
  command.add_option("--min-p", s.min_p, "Drop what is less likely than this times the best")
      ->check(number_in(0, 1, "a number in [0, 1]"))
      ->capture_default_str();
}

SamplingParams given_or(const CLI::App& command, const SamplingParams& flags,
                        const SamplingParams& otherwise) {
  SamplingParams merged = otherwise;
  const auto take = [&](const char* name, auto SamplingParams::*field) {
    const CLI::Option* const option = command.get_option_no_throw(name);
    if (option != nullptr && option->count() > 0) merged.*field = flags.*field;
  };
  take("--temperature", &SamplingParams::temperature);
  take("--top-k", &SamplingParams::top_k);
  take("--top-p", &SamplingParams::top_p);
  take("--min-p", &SamplingParams::min_p);
  take("--repeat-penalty", &SamplingParams::repetition_penalty);
  take("--presence-penalty", &SamplingParams::presence_penalty);
  take("--frequency-penalty", &SamplingParams::frequency_penalty);
  return merged;
}

void add_kv_type_flag(CLI::App& command, std::string& kv_type) {
  command
      .add_option("--kv-type", kv_type,
                  "How keys and values are kept (auto: f32 with f32 activations, else f16; fp8: "
                  "on cuda)")
      ->check(CLI::IsMember({"auto", "f32", "f16", "bf16", "q8_0", "fp8"}))
      ->capture_default_str();
}

void EngineFlags::add_to(CLI::App& command) {
  add_device_to(command);
  command.add_option("--isa", model.isa, "Force a CPU kernel set (scalar, avx2, …)");
  command
      .add_option("--activations", model.activations,
                  "How linear layers hold their inputs (auto: i16; f32 with the scalar kernels)")
      ->check(activation_mode())
      ->capture_default_str();
}

void EngineFlags::add_device_to(CLI::App& command) {
  command.add_option("-t,--threads", model.threads, "Worker threads (default: the usable cores)")
      ->check(whole_number_in(1, 1024));
  command.add_option("--device", model.device, "Where to run")
      ->check(CLI::IsMember({"auto", "cpu", "cuda"}))
      ->capture_default_str();
  command.add_option("--gpu-layers", model.gpu_layers, "Layers to put on the GPU (default: all)")
      ->check(whole_number_in(0, 1 << 20));
  command
      .add_option("--math", model.math,
                  "fastest: cuBLASLt for prompts over F16 and BF16 weights on a GPU; bits then "
                  "depend on the batch")
      ->check(CLI::IsMember({"exact", "fastest"}))
      ->capture_default_str();
  CLI::Option* const whole =
      command.add_flag("--no-mmap", no_mmap, "Read the file into memory instead of mapping it");
  command
      .add_flag("--packed-cache{" + std::string(kBesideTheModel) + "}", packed_cache,
                "Keep packed weights beside the model, or in the folder =DIR, for the next load")
      ->excludes(whole);
}

ModelOptions EngineFlags::model_options() const {
  ModelOptions options = model;
  options.use_mmap = !no_mmap;
  options.packed_cache = packed_cache;
  return options;
}

Result<std::shared_ptr<const Model>> load_model(const std::string& path, ModelOptions options) {
  Progress progress("loading");
  options.on_read = [&](uint64_t done, uint64_t total) { progress.report(done, total); };
  options.on_note = [](const std::string& note) {
    std::fprintf(stderr, "infer: %s\n", note.c_str());
  };
  if (options.packed_cache == kBesideTheModel) {
    const auto folder = std::filesystem::path(path).parent_path();
    options.packed_cache = folder.empty() ? "." : folder.string();
  }
  return Model::load(path, options);
}

void add_trace_flag(CLI::App& command, std::string& path) {
  command.add_option("--trace", path, "Write what ran when, for ui.perfetto.dev");
}

void SchedulingFlags::add_to(CLI::App& command) {
  command.add_option("--parallel", config.max_sequences, "Generations in one step")
      ->check(whole_number_in(1, 1 << 16))
      ->capture_default_str();
  command
      .add_option("--max-batch-tokens", config.max_batch_tokens,
                  "Prompt tokens in one step; running generations always go on")
      ->check(whole_number_in(1, 1 << 19))
      ->capture_default_str();
  command.add_option("--kv-blocks", config.num_blocks, "Blocks of the KV pool")
      ->check(whole_number_in(1, INT32_MAX));
  command.add_option("--block-size", config.block_size, "Tokens of a KV block; divides 256")
      ->check(whole_number_in(1, 256))
      ->capture_default_str();
  command.add_flag("--no-prefix-cache", no_prefix_cache,
                   "Compute every prompt whole, even where one like it was there");
  add_kv_type_flag(command, config.kv_type);
}

EngineConfig SchedulingFlags::engine_config() const {
  EngineConfig made = config;
  made.prefix_cache = !no_prefix_cache;
  return made;
}

}  // namespace weft::tools
