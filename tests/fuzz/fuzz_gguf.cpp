// Any bytes as a GGUF file: the reader, then everything that is made of what it found. A model
// that loads must hold what its backend relies on, so each of its bytes is touched.
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "core/check.h"
#include "gguf/model_loader.h"
#include "gguf/reader.h"
#include "gguf/vocab_loader.h"

namespace {

using weft::HostTensor;

uint32_t sum_of_bytes(const HostTensor& tensor) {
  uint32_t sum = 0;
  for (const std::byte b : tensor.bytes) sum += std::to_integer<uint32_t>(b);
  return sum;
}

// Says what a reader of the values would see; the sum keeps the work from being left out.
size_t print_all(const weft::gguf::Contents& contents) {
  size_t size = 0;
  for (const weft::gguf::Entry& entry : contents.metadata.entries()) {
    size += entry.value.to_string().size() + entry.value.type_string().size();
    WEFT_CHECK(contents.metadata.contains(entry.key), "a key that is not found");
  }
  for (const HostTensor& tensor : contents.tensors) {
    size += sum_of_bytes(tensor);
    WEFT_CHECK(contents.tensors.find(tensor.name) == &tensor, "a tensor that is not found");
    WEFT_CHECK(static_cast<int64_t>(tensor.bytes.size()) ==
                   *weft::row_bytes(tensor.type, tensor.elements()),
               "a tensor whose bytes are not those of its shape");
  }
  return size;
}

void load(const weft::gguf::Contents& contents) {
  const auto vocab = weft::gguf::load_vocab(contents.metadata);
  if (vocab) WEFT_CHECK(vocab->size() > 0, "an empty vocabulary");
  const auto model = weft::gguf::load_model(contents.metadata, contents.tensors, nullptr);
  if (!model) return;
  WEFT_CHECK(vocab.has_value(), "a model without its vocabulary");
  uint32_t sum = sum_of_bytes(model->tensors.token_embedding);
  for (const auto& layer : model->tensors.layers) sum += sum_of_bytes(layer.attn_norm);
  [[maybe_unused]] volatile uint32_t kept = sum;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto contents = weft::gguf::read(std::as_bytes(std::span(data, size)));
  if (!contents) return 0;
  [[maybe_unused]] volatile size_t kept = print_all(*contents);
  load(*contents);
  return 0;
}
