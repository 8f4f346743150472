// Writes a synthetic model: a GGUF file of an exact shape with seeded random weights.
#pragma once

#include <cstdint>
#include <functional>
#include <stop_token>
#include <string>

#include "core/error.h"
#include "tools/synth/file_type.h"
#include "tools/synth/shapes.h"

namespace weft::synth {

struct SynthOptions {
  Shape shape;  // n_layers and n_vocab may differ from the genuine model's
  FileType type;
  uint64_t seed = 0;
  int threads = 1;
  // Called from the calling thread with the bytes of tensors written so far and in all; may be
  // empty.
  std::function<void(int64_t done, int64_t total)> progress;
  std::stop_token cancel;  // looked at every few MiB
};

// Writes the file under a temporary name and renames it when it is whole, replacing what was at
// `path`. The bytes depend on shape, type and seed, never on `threads`. Memory: the vocabulary
// and a few MiB for each thread, whatever the size of the file.
// Fails with kInvalidArgument (a vocabulary too small, no layers), kUnsupported (a type that
// nothing here encodes), kCancelled or as AtomicFile does; then nothing is left behind.
Result<void> write_synthetic_model(const SynthOptions& options, const std::string& path);

}  // namespace weft::synth
