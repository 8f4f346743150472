// infer inspect: what a model file holds and what running it would take.
#include <cstdio>
#include <limits>
#include <memory>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "gguf/printable.h"
#include "tools/byte_size.h"
#include "tools/command.h"
#include "tools/default_model.h"
#include "tools/inspection.h"
#include "tools/options.h"

namespace weft::tools {
namespace {

using Json = nlohmann::ordered_json;
using gguf::printable;

struct InspectFlags {
  std::string model;
  bool json = false;
  int32_t ctx_size = 2048;
};

// Arrays are shown by their first elements: a vocabulary has a hundred thousand.
Json metadata_json(const gguf::Metadata& metadata) {
  Json all = Json::object();
  for (const gguf::Entry& entry : metadata.entries()) {
    Json value = {{"type", entry.value.type_string()}};
    if (entry.value.type == gguf::ValueType::kArray) value["count"] = entry.value.count;
    const std::string key(entry.key);
    if (const auto text = metadata.get<std::string_view>(key)) {
      value["value"] = *text;
    } else if (const auto boolean = metadata.get<bool>(key)) {
      value["value"] = *boolean;
    } else if (const auto integer = metadata.get<int64_t>(key)) {
      value["value"] = *integer;
    } else if (const auto large = metadata.get<uint64_t>(key)) {
      value["value"] = *large;
    } else if (const auto number = metadata.get<double>(key)) {
      value["value"] = *number;
    } else {
      value["first"] = entry.value.to_string();
    }
    all[key] = std::move(value);
  }
  return all;
}

Json tensors_json(const gguf::TensorList& tensors) {
  Json all = Json::array();
  for (const HostTensor& tensor : tensors) {
    all.push_back({{"name", tensor.name},
                   {"type", dtype_name(tensor.type)},
                   {"shape", tensor.shape},
                   {"bytes", tensor.bytes.size()}});
  }
  return all;
}

void print_json(const Inspection& found) {
  Json types = Json::array();
  for (const TypeTotal& total : found.types) {
    types.push_back({{"type", dtype_name(total.type)},
                     {"tensors", total.tensors},
                     {"parameters", total.elements},
                     {"bytes", total.bytes}});
  }
  Json out = {{"file", found.file.path()},
              {"file_bytes", found.file.size_bytes()},
              {"parts", found.file.mappings().size()},
              {"version", found.file.version()},
              {"alignment", found.file.alignment()},
              {"parameters", found.n_params},
              {"tensor_bytes", found.tensor_bytes},
              {"types", std::move(types)},
              {"metadata", metadata_json(found.file.metadata())},
              {"tensors", tensors_json(found.file.tensors())}};
  if (found.stop_tokens) {
    Json stops = Json::array();
    for (const StopToken& stop : *found.stop_tokens) {
      stops.push_back({{"id", stop.id}, {"text", stop.text}});
    }
    out["stop_tokens"] = std::move(stops);
  } else {
    out["vocabulary_problem"] = found.vocabulary_problem;
  }
  if (found.memory) {
    out["memory"] = {{"ctx_size", found.ctx_size},
                     {"weights", found.memory->weight_bytes},
                     {"kv_cache", found.memory->kv_bytes},
                     {"workspace", found.memory->workspace_bytes},
                     {"total", found.memory->total_bytes()}};
  } else {
    out["model_problem"] = found.model_problem;
  }
  fmt::print("{}\n", out.dump(2, ' ', false, Json::error_handler_t::replace));
}

void print_contents(const gguf::File& file) {
  fmt::print("\nmetadata ({} keys)\n", file.metadata().entries().size());
  for (const gguf::Entry& entry : file.metadata().entries()) {
    fmt::print("  {:<42} {:<16} {}\n", entry.key, entry.value.type_string(),
               entry.value.to_string(80));
  }
  fmt::print("\ntensors ({})\n", file.tensors().size());
  for (const HostTensor& tensor : file.tensors()) {
    fmt::print("  {:<42} {:<8} {:<20} {}\n", tensor.name, dtype_name(tensor.type),
               shape_string(tensor.shape), byte_size(tensor.bytes.size()));
  }
}

void print_text(const Inspection& found) {
  const gguf::File& file = found.file;
  fmt::print("file        {}\n", printable(file.path(), 4096));
  fmt::print("            {} in {} part{}, GGUF version {}, alignment {}\n",
             byte_size(file.size_bytes()), file.mappings().size(),
             file.mappings().size() == 1 ? "" : "s", file.version(), file.alignment());
  print_contents(file);
  fmt::print("\nparameters  {} in {} tensors, {}\n", found.n_params, file.tensors().size(),
             byte_size(found.tensor_bytes));
  for (const TypeTotal& total : found.types) {
    fmt::print("            {:<8} {:>6} tensors {:>14} parameters {:>12}\n", dtype_name(total.type),
               total.tensors, total.elements, byte_size(total.bytes));
  }
  if (found.stop_tokens) {
    fmt::print("stop set   ");
    for (const StopToken& stop : *found.stop_tokens) {
      fmt::print(" {} \"{}\"", stop.id, printable(stop.text));
    }
    fmt::print("\n");
  } else {
    fmt::print("stop set    none: {}\n", printable(found.vocabulary_problem, 1000));
  }
  if (found.memory) {
    const MemoryLedger& memory = *found.memory;
    fmt::print(
        "memory      {} for {} tokens of context on the CPU: weights {}, KV cache {}, "
        "workspace {}\n",
        byte_size(memory.total_bytes()), found.ctx_size, byte_size(memory.weight_bytes),
        byte_size(memory.kv_bytes), byte_size(memory.workspace_bytes));
  } else {
    fmt::print("memory      unknown, the model cannot be run: {}\n",
               printable(found.model_problem, 1000));
  }
}

Result<void> run_inspect(const InspectFlags& flags) {
  WEFT_TRY_ASSIGN(const std::string path, require_model(flags.model));
  WEFT_TRY_ASSIGN(const Inspection found, inspect(path, flags.ctx_size));
  if (flags.json) {
    print_json(found);
  } else {
    print_text(found);
  }
  return {};
}

}  // namespace

void add_inspect_command(CLI::App& app, int& exit_code) {
  auto flags = std::make_shared<InspectFlags>();
  CLI::App* command = app.add_subcommand("inspect", "What a model file holds and needs");
  command->add_option("model", flags->model, "A path or a name below $WEFT_MODELS")->required();
  command->add_flag("--json", flags->json, "One JSON object");
  command->add_option("--ctx-size", flags->ctx_size, "Tokens of context to reckon memory for")
      ->check(whole_number_in(1, std::numeric_limits<int32_t>::max()))
      ->capture_default_str();
  command->callback([flags, &exit_code] {
    auto result = run_inspect(*flags);
    exit_code = result ? kExitOk : report(result.error());
  });
}

}  // namespace weft::tools
