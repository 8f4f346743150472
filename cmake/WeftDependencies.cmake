# The libraries of weft's inside that bring no CMake package of their own, as targets weft::NAME.
# Read by the build and, installed beside weftConfig.cmake, by whoever links weft statically.
# What is missing is named in WEFT_MISSING_DEPENDENCIES.
#
# weft_find_library(NAME HEADER LIBRARY): GLOBAL targets where WEFT_DEPENDENCIES_GLOBAL is set, so
# that a project that has weft as a subdirectory can link it from anywhere.
set(WEFT_MISSING_DEPENDENCIES)
function(weft_find_library name header library)
  if(TARGET weft::${name})
    return()
  endif()
  find_path(WEFT_${name}_INCLUDE_DIR ${header})
  find_library(WEFT_${name}_LIBRARY ${library})
  mark_as_advanced(WEFT_${name}_INCLUDE_DIR WEFT_${name}_LIBRARY)
  if(NOT WEFT_${name}_INCLUDE_DIR OR NOT WEFT_${name}_LIBRARY)
    set(WEFT_MISSING_DEPENDENCIES ${WEFT_MISSING_DEPENDENCIES} "${library} (${header})" PARENT_SCOPE)
    return()
  endif()
  set(scope)
  if(WEFT_DEPENDENCIES_GLOBAL)
    set(scope GLOBAL)
  endif()
  add_library(weft::${name} UNKNOWN IMPORTED ${scope})
  set_target_properties(weft::${name} PROPERTIES
    IMPORTED_LOCATION ${WEFT_${name}_LIBRARY}
    INTERFACE_INCLUDE_DIRECTORIES ${WEFT_${name}_INCLUDE_DIR})
endfunction()

# Hashes of token text and of prompt prefixes.
weft_find_library(xxhash xxhash.h xxhash)
# Words are cut by PCRE2.
weft_find_library(pcre2 pcre2.h pcre2-8)
# Case of letters beyond ASCII, for chat templates.
weft_find_library(utf8proc utf8proc.h utf8proc)
