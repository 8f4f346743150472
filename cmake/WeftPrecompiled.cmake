# Headers of the standard library and of third parties, parsed once for each kind of target instead
# of in every source: a second a source and more.
#
# weft_precompiled(TARGET KIND): TARGET's sources find them parsed. KIND:
#   lib    the standard library, tl::expected; for static libraries of a sanitizer's build
#   test   those and GoogleTest; for test programs
# A source that another target's flags would not suit (an instruction set's) is left out by
# SKIP_PRECOMPILE_HEADERS; a target by not asking. What a source uses it includes all the same: a
# release build's libraries go without this and would show it.
option(WEFT_PCH "Precompile headers of the standard library and of third parties" ${PROJECT_IS_TOP_LEVEL})

set(WEFT_STANDARD_HEADERS
  <algorithm> <array> <atomic> <chrono> <cmath> <condition_variable> <cstdint> <cstring> <deque>
  <filesystem> <fstream> <functional> <future> <map> <memory> <mutex> <numeric> <optional> <random>
  <set> <span> <sstream> <stop_token> <string> <string_view> <thread> <unordered_map> <utility>
  <variant> <vector> <tl/expected.hpp>)

function(weft_precompiled target kind)
  if(NOT WEFT_PCH OR (kind STREQUAL "lib" AND NOT WEFT_SANITIZE))
    return()
  endif()
  set(holder weft_precompiled_${kind})
  if(NOT TARGET ${holder})
    # GCC wants its precompiled header to be of the very flags of whoever reads it.
    file(CONFIGURE OUTPUT ${PROJECT_BINARY_DIR}/${holder}.cpp CONTENT "")
    add_library(${holder} OBJECT ${PROJECT_BINARY_DIR}/${holder}.cpp)
    target_link_libraries(${holder} PRIVATE weft_options)
    target_precompile_headers(${holder} PRIVATE ${WEFT_STANDARD_HEADERS})
    if(kind STREQUAL "test")
      target_link_libraries(${holder} PRIVATE GTest::gtest)
      target_precompile_headers(${holder} PRIVATE <gtest/gtest.h>)
      target_compile_options(${holder} PRIVATE ${WEFT_TEST_OPTIONS} -fPIE)
      set_target_properties(${holder} PROPERTIES POSITION_INDEPENDENT_CODE OFF)
    endif()
  endif()
  target_precompile_headers(${target} REUSE_FROM ${holder})
endfunction()
