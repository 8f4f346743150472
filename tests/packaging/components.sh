#!/usr/bin/env bash
# components.sh PREFIX WORK: what find_package() accepts and refuses of the package in PREFIX.
set -euo pipefail
prefix=$1 work=$2
fail() { echo "$*" >&2; exit 1; }

# ask LANGUAGE CODE: configures a project of that language with that code; what was said in $said.
ask() {
  rm -rf "$work"
  mkdir -p "$work"
  printf 'cmake_minimum_required(VERSION 3.25)\nproject(asks LANGUAGES %s)\n%s\n' "$1" "$2" \
    >"$work/CMakeLists.txt"
  said=$(cmake -G Ninja -S "$work" -B "$work/build" -DCMAKE_PREFIX_PATH="$prefix" 2>&1)
}

ask C 'find_package(weft 0.1.0 REQUIRED COMPONENTS c)
if(NOT TARGET weft::c OR TARGET weft::weft)
  message(FATAL_ERROR "not weft::c alone")
endif()' || fail "a project in C cannot have weft::c: $said"
ask "C CXX" 'find_package(weft REQUIRED)
foreach(name weft async c)
  if(NOT TARGET weft::${name})
    message(FATAL_ERROR "no weft::${name}")
  endif()
endforeach()' || fail "not all targets: $said"
ask NONE 'find_package(weft 0.2 REQUIRED COMPONENTS c)' && fail "0.1 was taken for 0.2"
[[ $said == *"version: 0.1.0"* ]] || fail "said: $said"
ask NONE 'find_package(weft 0.0.9 REQUIRED COMPONENTS c)' && fail "0.1 was taken for 0.0"
ask NONE 'find_package(weft REQUIRED COMPONENTS c server)' && fail "found a component that is not there"
[[ $said == *server* ]] || fail "said: $said"
