# How a test program joins the suite, and which suites other builds than release repeat.

find_package(GTest REQUIRED)
include(GoogleTest)

# A sanitizer or cross build tests what it is for, and no more: ASan+UBSan the suites that
# take foreign bytes apart, TSan the ones with threads, another architecture those whose
# arithmetic must not differ. A name that does not exist (yet) is fine.
# Test names start with the build's name, so that a report tells them apart.
if(WEFT_SANITIZE MATCHES "address")
  set(WEFT_TEST_PREFIX "asan/")
  set(WEFT_VARIANT_SUITES test_async test_async_llm test_bad_input test_c_api test_chat_template test_cuda_emulator test_gguf test_parallel test_quant test_session test_text)
elseif(WEFT_SANITIZE MATCHES "thread")
  set(WEFT_TEST_PREFIX "tsan/")
  set(WEFT_VARIANT_SUITES test_api test_async test_async_llm test_c_api test_core test_parallel test_scheduler)
elseif(CMAKE_CROSSCOMPILING)
  set(WEFT_TEST_PREFIX "${CMAKE_SYSTEM_PROCESSOR}/")
  set(WEFT_VARIANT_SUITES test_core test_kernels test_model test_parity test_quant)
elseif(WEFT_FUZZ)
  set(WEFT_TEST_PREFIX "")
  set(WEFT_VARIANT_SUITES "")
else()
  set(WEFT_TEST_PREFIX "")
endif()
# Assertions are most of a test; they run once and take half as long to compile like this.
set(WEFT_TEST_OPTIONS $<$<CONFIG:Release>:-O1> ${WEFT_HALF_OPTIMISED})

# What `./test` builds in the directory of such a build.
add_custom_target(weft_variant_tests)

# weft_test(NAME sources... [LIBS libs...] [SERIAL] [MAIN] [HOT]): one test program a folder,
# one ctest entry a TEST, labelled with the program's name.
#   SERIAL  its tests need the machine for themselves (memory, all cores, timing)
#   MAIN    it brings its own main()
#   HOT     its own code takes the time, not what it tests: optimised like that
# A suite whose name starts with Slow (TEST(SlowSweep, ...)) is labelled `slow`: it runs
# in `./test --all` only.
function(weft_test name)
  cmake_parse_arguments(ARG "SERIAL;MAIN;HOT" "" "LIBS" ${ARGN})
  add_executable(${name} ${ARG_UNPARSED_ARGUMENTS})
  target_link_libraries(${name} PRIVATE ${ARG_LIBS} weft_source_root weft_options)
  if(NOT ARG_HOT)
    target_compile_options(${name} PRIVATE ${WEFT_TEST_OPTIONS})
    weft_precompiled(${name} test)
  endif()
  if(WEFT_SANITIZE MATCHES "thread")
    target_sources(${name} PRIVATE ${PROJECT_SOURCE_DIR}/tests/support/tsan_suppressions.cpp)
  endif()
  if(ARG_MAIN)
    target_link_libraries(${name} PRIVATE GTest::gtest)
  else()
    target_link_libraries(${name} PRIVATE GTest::gtest_main)
  endif()
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/tests)
  if(DEFINED WEFT_VARIANT_SUITES)
    if(NOT name IN_LIST WEFT_VARIANT_SUITES)
      return()  # Can be built and run by hand; not part of this build's tests.
    endif()
    add_dependencies(weft_variant_tests ${name})
  endif()

  set(common DISCOVERY_MODE PRE_TEST NO_PRETTY_VALUES TEST_PREFIX "${WEFT_TEST_PREFIX}"
    PROPERTIES TIMEOUT 600 RUN_SERIAL ${ARG_SERIAL})
  gtest_discover_tests(${name} TEST_FILTER "-Slow*:*/Slow*" TEST_LIST ${name}_QUICK
    ${common} LABELS ${name})
  gtest_discover_tests(${name} TEST_FILTER "Slow*:*/Slow*" TEST_LIST ${name}_SLOW
    ${common} LABELS slow TIMEOUT 3600)
endfunction()
