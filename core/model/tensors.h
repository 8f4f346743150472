// The tensors of a Llama-family model by their role. One list of roles serves both the views a
// loader fills (T = HostTensor) and the weights a backend made of them (T = pointer to Weight).
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "core/error.h"
#include "core/tensor.h"

namespace weft {

// Optional roles are marked; a HostTensor that is absent has present() == false, a Weight is null.
template <class T>
struct LayerTensorsOf {
  T attn_norm;       // [n_embd]
  T wq, wk, wv;      // [n_embd → heads × head_dim], k and v: kv heads
  T bq, bk, bv;      // optional
  T q_norm, k_norm;  // optional, [head_dim]: RMS norm of each head before rope
  T wo;              // [heads × head_dim → n_embd]
  T bo;              // optional
  T ffn_norm;        // [n_embd]
  T gate, up, down;  // [n_embd → ffn], [n_embd → ffn], [ffn → n_embd]
};

template <class T>
struct ModelTensorsOf {
  T token_embedding;  // [n_embd, n_vocab]
  T output_norm;      // [n_embd]
  T output;           // [n_embd → n_vocab]; absent: the embedding serves as the head
  std::vector<LayerTensorsOf<T>> layers;
};

struct ModelTensors : ModelTensorsOf<HostTensor> {
  HostTensor rope_factors;        // optional, F32 [rope dims / 2]: divides each frequency
  std::shared_ptr<void> storage;  // keeps the bytes that the views point into
  // Brings a matrix's bytes into memory, without which they may hold anything. May be empty: they
  // are there.
  std::function<Result<void>(std::span<const std::byte>)> fetch;
  // Says of a tensor's bytes that nobody will read them again. May be empty.
  std::function<void(std::span<const std::byte>)> release;
};

}  // namespace weft
