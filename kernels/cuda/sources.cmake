# What is compiled by nvcc for a GPU, and as plain C++ for the emulator of the tests
# (tests/support/cuda_emulator/).
set(WEFT_CUDA_KERNELS
  attention.cu
  attention_float.cu
  elementwise.cu
  embed.cu
  finish_plain_product.cu
  kv_cache.cu
  linear_float.cu
  linear_packed.cu
  peaks.cu
  prepare_activations.cu
  rms_norm.cu
  rope.cu
  sample_best.cu
  sample_choose.cu
  sample_edit.cu
  sample_histogram.cu
  sample_score.cu
  sample_take.cu)
# As the kernels, but for sm_90a alone: no other architecture has what they use.
set(WEFT_CUDA_SM90A_KERNELS
  linear_warpgroups_sm90a.cu
  peaks_sm90a.cu
  warpgroup_probe_sm90a.cu)
# Host code that knows no CUDA runtime.
set(WEFT_CUDA_HOST_SOURCES
  attention_step.cpp
  cuda_backend.cpp
  cuda_kv_cache.cpp
  cuda_weight.cpp
  device_scratch.cpp
  pack_weight.cpp
  peaks.cpp
  sample.cpp
  step_graphs.cpp
  warpgroup_check.cpp
  weight_upload.cpp)
