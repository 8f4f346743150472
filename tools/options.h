// Options that several subcommands share, and validators whose messages name what was wanted.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include <CLI/CLI.hpp>

#include "api/engine.h"
#include "api/model.h"

namespace weft::tools {

CLI::Validator whole_number_in(int64_t low, int64_t high);
// A finite number in [low, high]; `wanted` is how the message describes the range.
CLI::Validator number_in(double low, double high, const std::string& wanted);
// A finite number in (low, high].
CLI::Validator number_above(double low, double high, const std::string& wanted);

// All of uint64_t, in decimal.
CLI::Validator unsigned_64();

// --threads, --device, --gpu-layers, --math, --isa, --activations, --no-mmap, --packed-cache.
struct EngineFlags {
  ModelOptions model;
  bool no_mmap = false;
  std::string packed_cache;  // a folder; or that of the model, as load_model() knows

  void add_to(CLI::App& command);
  // The same without --isa and --activations.
  void add_device_to(CLI::App& command);
  ModelOptions model_options() const;
};

// The modes that --activations takes.
CLI::Validator activation_mode();

// --temperature, --top-k, --top-p, --min-p.
void add_sampling_flags(CLI::App& command, SamplingParams& params);

// The values of the sampling flags that `command` was given; the rest as in `otherwise`: what a
// model recommends, or a session had.
SamplingParams given_or(const CLI::App& command, const SamplingParams& flags,
                        const SamplingParams& otherwise);

// --kv-type T.
void add_kv_type_flag(CLI::App& command, std::string& kv_type);

// --trace F.
void add_trace_flag(CLI::App& command, std::string& path);

// Model::load, with progress on stderr where it takes over a second.
Result<std::shared_ptr<const Model>> load_model(const std::string& path, ModelOptions options);

// --parallel, --max-batch-tokens, --kv-blocks, --block-size, --no-prefix-cache, none of which
// changes a bit of what is generated, and --kv-type.
struct SchedulingFlags {
  EngineConfig config;
  bool no_prefix_cache = false;

  void add_to(CLI::App& command);
  EngineConfig engine_config() const;
};

}  // namespace weft::tools
