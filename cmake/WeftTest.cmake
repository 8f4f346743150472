# How a test program joins the suite, and which suites also run under sanitizers.

find_package(GTest REQUIRED)
include(GoogleTest)

# Sanitizer builds test what they are for, and no more: ASan+UBSan the suites that take
# foreign bytes apart, TSan the ones with threads. A name that does not exist (yet) is fine.
set(WEFT_ASAN_SUITES
  test_bad_input
  test_gguf
  test_quant
  test_text)
set(WEFT_TSAN_SUITES
  test_api
  test_scheduler)

# Test names of a sanitizer build start with its name, so that a report tells them apart.
if(WEFT_SANITIZE MATCHES "address")
  set(WEFT_TEST_PREFIX "asan/")
  set(WEFT_SANITIZED_SUITES ${WEFT_ASAN_SUITES})
elseif(WEFT_SANITIZE MATCHES "thread")
  set(WEFT_TEST_PREFIX "tsan/")
  set(WEFT_SANITIZED_SUITES ${WEFT_TSAN_SUITES})
else()
  set(WEFT_TEST_PREFIX "")
  set(WEFT_SANITIZED_SUITES "")
endif()
# What `./test` builds in a sanitizer build directory.
add_custom_target(weft_sanitized_tests)

# weft_test(NAME sources... [LIBS libs...] [SERIAL] [MAIN]): one test program a folder,
# one ctest entry a TEST, labelled with the program's name.
#   SERIAL  its tests need the machine for themselves (memory, all cores, timing)
#   MAIN    it brings its own main()
# A suite whose name starts with Slow (TEST(SlowSweep, ...)) is labelled `slow`: it runs
# in `./test --all` only.
function(weft_test name)
  cmake_parse_arguments(ARG "SERIAL;MAIN" "" "LIBS" ${ARGN})
  add_executable(${name} ${ARG_UNPARSED_ARGUMENTS})
  target_link_libraries(${name} PRIVATE ${ARG_LIBS} weft_options)
  if(ARG_MAIN)
    target_link_libraries(${name} PRIVATE GTest::gtest)
  else()
    target_link_libraries(${name} PRIVATE GTest::gtest_main)
  endif()
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/tests)
  if(WEFT_SANITIZE OR WEFT_FUZZ)
    if(NOT name IN_LIST WEFT_SANITIZED_SUITES)
      return()  # Can be built and run by hand; not part of this suite.
    endif()
    add_dependencies(weft_sanitized_tests ${name})
  endif()

  set(common DISCOVERY_MODE PRE_TEST NO_PRETTY_VALUES TEST_PREFIX "${WEFT_TEST_PREFIX}"
    PROPERTIES TIMEOUT 600 RUN_SERIAL ${ARG_SERIAL})
  gtest_discover_tests(${name} TEST_FILTER "-Slow*:*/Slow*" TEST_LIST ${name}_QUICK
    ${common} LABELS ${name})
  gtest_discover_tests(${name} TEST_FILTER "Slow*:*/Slow*" TEST_LIST ${name}_SLOW
    ${common} LABELS slow TIMEOUT 3600)
endfunction()
