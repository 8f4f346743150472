// From an opened GGUF file to what core needs to run a model. Every shape, size and id in the
// result has been checked, so nothing behind it has to.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "core/error.h"
#include "core/model/config.h"
#include "core/model/tensors.h"
#include "core/text/vocab.h"
#include "gguf/file.h"

namespace weft::gguf {

struct LoadedModel {
  ModelConfig config;
  ModelTensors tensors;  // views; tensors.storage keeps the file's mapping alive
  Vocab vocab;
  std::vector<std::string> warnings;  // what was there and is not used, one line each
};

// Norms and biases come as float32, whatever the file has them in; matrices are the file's bytes,
// to be fetched by tensors.fetch where the file is read on demand.
// Fails as load_vocab() and load_hyperparameters() do, and with
//   kUnknownArchitecture       naming it and the known ones
//   kGgufMissingTensor, kGgufWrongShape   naming the tensor, what was found and expected
//   kUnsupported               a tensor that this engine would have to use and cannot
Result<LoadedModel> load_model(const File& file);

// The same from the parts of a file; `storage` keeps the bytes of `tensors` alive.
Result<LoadedModel> load_model(const Metadata& metadata, const TensorList& tensors,
                               std::shared_ptr<void> storage);

}  // namespace weft::gguf
