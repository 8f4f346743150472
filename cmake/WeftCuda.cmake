# Looks for nvcc as WEFT_CUDA says and sets WEFT_HAVE_CUDA. CUDA is found, not demanded.
#
# Where it was asked for (ON), the engine offers the CUDA backend; where it is only found, that is
# built by name (kernels/cuda/): it has not run on a GPU yet (docs/cuda.md).

set(WEFT_HAVE_CUDA OFF)
set(WEFT_ENGINE_CUDA OFF)  # --device cuda works
if(NOT WEFT_CUDA MATCHES "^(AUTO|ON|OFF)$")
  message(FATAL_ERROR "WEFT_CUDA=${WEFT_CUDA}: expected AUTO, ON or OFF")
endif()
if(WEFT_CUDA STREQUAL "OFF")
  return()
endif()

# The PTX of the oldest covers every GPU that has no code of its own here (89, 100, 120 …); name them
# all for a release: -DCMAKE_CUDA_ARCHITECTURES="80;89-real;90a-real;100-real;120-real".
if(NOT DEFINED CMAKE_CUDA_ARCHITECTURES)
  set(CMAKE_CUDA_ARCHITECTURES 80 90a-real)
endif()
include(CheckLanguage)
check_language(CUDA)
find_package(CUDAToolkit QUIET)
if(CMAKE_CUDA_COMPILER AND CUDAToolkit_FOUND)
  enable_language(CUDA)
  # CMake 3.25 does not know yet that nvcc has C++20.
  if(NOT CMAKE_CUDA20_STANDARD_COMPILE_OPTION)
    set(CMAKE_CUDA20_STANDARD_COMPILE_OPTION -std=c++20)
    set(CMAKE_CUDA20_EXTENSION_COMPILE_OPTION -std=c++20)
  endif()
  set(CMAKE_CUDA_STANDARD 20)
  set(CMAKE_CUDA_STANDARD_REQUIRED ON)
  set(WEFT_HAVE_CUDA ON)
  if(WEFT_CUDA STREQUAL "ON")
    set(WEFT_ENGINE_CUDA ON)
  endif()
  message(STATUS "CUDA kernels: ${CMAKE_CUDA_COMPILER} ${CMAKE_CUDA_COMPILER_VERSION}, "
    "for ${CMAKE_CUDA_ARCHITECTURES}")
elseif(WEFT_CUDA STREQUAL "ON")
  message(FATAL_ERROR "WEFT_CUDA=ON, but no working nvcc and toolkit were found; put nvcc on PATH, "
    "set CMAKE_CUDA_COMPILER, or configure with -DWEFT_CUDA=AUTO or OFF")
else()
  message(STATUS "CUDA kernels: not built (no working nvcc found)")
endif()
