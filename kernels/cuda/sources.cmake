# What is compiled by nvcc for a GPU, and as plain C++ for the emulator of the tests
# (tests/support/cuda_emulator/).
set(WEFT_CUDA_KERNELS
  attention.cu
  attention_float.cu
  elementwise.cu
  embed.cu
  kv_cache.cu
  linear_float.cu
  linear_packed.cu
  prepare_activations.cu
  rms_norm.cu
  rope.cu
  sample_best.cu
  sample_choose.cu
  sample_edit.cu
  sample_histogram.cu
  sample_score.cu)
# Host code that knows no CUDA runtime.
set(WEFT_CUDA_HOST_SOURCES
  attention_step.cpp
  cuda_backend.cpp
  cuda_kv_cache.cpp
  cuda_weight.cpp
  device_scratch.cpp
  pack_weight.cpp
  sample.cpp
  step_graphs.cpp
  weight_upload.cpp)
