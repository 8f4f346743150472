# cmake -DSOURCE=… -DLISTS=… -DOUT=… -P make_headers.cmake: writes the public headers to OUT, as they
# are installed and as callers name them:
#
#   api/engine.h   → weft/engine.h              #include <weft/engine.h>
#   api/c/weft.h   → weft/weft.h
#   core/error.h   → weft/core/error.h          (and so for every floor but api/)
#
# and turns the names of those headers, in #includes and in comments, into these. A caller's own
# "core/error.h" can thus never be taken for ours. Line numbers stay.
#
# Fails where a listed header includes a project header that is not listed, and where a supporting
# header is included by none of them: nothing private is installed without need.
cmake_minimum_required(VERSION 3.25)
include(${LISTS})

function(public_name header result)
  string(REGEX REPLACE "^api/(c/)?" "" name ${header})
  set(${result} "weft/${name}" PARENT_SCOPE)
endfunction()

set(all ${WEFT_PUBLIC_HEADERS} ${WEFT_SUPPORTING_HEADERS})
set(written)
set(needed)
foreach(header IN LISTS all)
  file(READ ${SOURCE}/${header} text)
  string(REGEX MATCHALL "#include \"[^\"]+\"" includes "${text}")
  foreach(include IN LISTS includes)
    string(REGEX REPLACE "#include \"(.*)\"" "\\1" included "${include}")
    if(NOT included IN_LIST all)
      message(FATAL_ERROR "${header} includes ${included}, which is not installed: "
        "do without it, or list it in packaging/public_headers.cmake")
    endif()
    list(APPEND needed ${included})
    public_name(${included} name)
    string(REPLACE "#include \"${included}\"" "#include <${name}>" text "${text}")
  endforeach()
  # What comments name. The class of characters before keeps longer paths whole.
  foreach(mentioned IN LISTS all)
    if(text MATCHES "${mentioned}")
      public_name(${mentioned} name)
      string(REGEX REPLACE "(^|[^A-Za-z0-9_/.])${mentioned}" "\\1${name}" text "${text}")
    endif()
  endforeach()
  public_name(${header} name)
  set(path ${OUT}/${name})
  list(APPEND written ${path})
  # Unchanged files keep their time, and whatever includes them is not compiled again.
  set(before)
  if(EXISTS ${path})
    file(READ ${path} before)
  endif()
  if(NOT before STREQUAL text)
    file(WRITE ${path} "${text}")
  endif()
endforeach()

foreach(header IN LISTS WEFT_SUPPORTING_HEADERS)
  if(NOT header IN_LIST needed)
    message(FATAL_ERROR "${header} is installed, but no public header includes it: "
      "take it from packaging/public_headers.cmake")
  endif()
endforeach()

# What is public no longer.
file(GLOB_RECURSE present ${OUT}/*.h)
foreach(path IN LISTS present)
  if(NOT path IN_LIST written)
    file(REMOVE ${path})
  endif()
endforeach()
