# One CMake target a folder, all built alike.

# Recompiling what was compiled before is a lookup where ccache is installed.
find_program(WEFT_CCACHE ccache)
mark_as_advanced(WEFT_CCACHE)
if(WEFT_CCACHE AND NOT DEFINED CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${WEFT_CCACHE})
endif()

find_package(Threads REQUIRED)
find_package(tl-expected REQUIRED)

add_library(weft_options INTERFACE)
target_include_directories(weft_options INTERFACE ${PROJECT_SOURCE_DIR})
target_compile_options(weft_options INTERFACE
  $<$<COMPILE_LANGUAGE:CXX>:-Wall -Wextra -Wshadow -Wnon-virtual-dtor -Wno-missing-field-initializers>
  # Decoding a block must give the same bits from every translation unit: a multiply
  # and an add are fused only where the code says so.
  $<$<COMPILE_LANGUAGE:CXX>:-ffp-contract=off>)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
  # GCC 12 warns of "text" + std::string in its own library (GCC bug 105651).
  target_compile_options(weft_options INTERFACE $<$<COMPILE_LANGUAGE:CXX>:-Wno-restrict>)
endif()
if(WEFT_WERROR)
  target_compile_options(weft_options INTERFACE $<$<COMPILE_LANGUAGE:CXX>:-Werror>)
endif()
# Half optimised (-O1), GCC takes copies in its own library for impossible ones.
set(WEFT_HALF_OPTIMISED)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  set(WEFT_HALF_OPTIMISED -Wno-array-bounds -Wno-stringop-overflow -Wno-stringop-overread)
endif()
if(WEFT_SANITIZE)
  target_compile_options(weft_options INTERFACE
    $<$<COMPILE_LANGUAGE:CXX>:-fsanitize=${WEFT_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all>)
  target_link_options(weft_options INTERFACE -fsanitize=${WEFT_SANITIZE})
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    # GCC's own manual: with a sanitizer this warning has false positives.
    target_compile_options(weft_options INTERFACE
      $<$<COMPILE_LANGUAGE:CXX>:-Wno-maybe-uninitialized ${WEFT_HALF_OPTIMISED}>)
  endif()
endif()
if(WEFT_FUZZ)
  if(NOT CMAKE_CXX_COMPILER_ID MATCHES "Clang")
    message(FATAL_ERROR "WEFT_FUZZ needs clang++ (libFuzzer); the compiler is ${CMAKE_CXX_COMPILER_ID}")
  endif()
  target_compile_options(weft_options INTERFACE -fsanitize=fuzzer-no-link,address,undefined
    -fno-omit-frame-pointer -fno-sanitize-recover=all)
  target_link_options(weft_options INTERFACE -fsanitize=address,undefined)
endif()
target_link_libraries(weft_options INTERFACE tl::expected Threads::Threads)

include(WeftPrecompiled)

# weft_library(NAME sources...): a static library of one folder.
function(weft_library name)
  add_library(${name} STATIC ${ARGN})
  target_link_libraries(${name} PUBLIC weft_options)
  weft_precompiled(${name} lib)
endfunction()
