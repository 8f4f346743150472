#!/usr/bin/env bash
# consume.sh BY WORK [cmake arguments...]: builds the program beside this script (consumer/), which
# is no part of weft's tree, in the folder WORK, and runs it: what each of its parts generates must
# be what `infer run` does. BY says how it finds weft:
#   package PREFIX      find_package(), in what was installed there
#   pkg-config PREFIX   a compiler's command line with pkg-config's flags
#   fetch SOURCE, folder SOURCE   FetchContent or add_subdirectory() of weft's own folder
# From the environment: CXX, CC, INFER (the program), MODEL (a file), LINKED (static or shared).
set -euo pipefail
by=$1 from=$2 work=$3
shift 3
here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)/consumer
fail() { echo "$*" >&2; exit 1; }

rm -rf "$work"
mkdir -p "$work"
programs=(engine async c)
case $by in
  pkg-config)
    export PKG_CONFIG_PATH=$from/lib/pkgconfig
    pkg-config --print-errors --exact-version=0.1.0 weft-async
    # build PROGRAM PACKAGE COMPILER...
    build() {
      local program=$1 package=$2 flags
      shift 2
      read -ra flags < <(pkg-config --cflags --libs "$package")
      "$@" -o "$work/$program" "${flags[@]}" "-Wl,-rpath,$from/lib"
    }
    build engine weft "$CXX" -std=c++20 -I"$here" "$here/engine.cpp"
    build async weft-async "$CXX" -std=c++20 "$here/async.cpp"
    build c weft-c "$CC" -std=c11 -Wall -Wextra -Wpedantic -Werror "$here/c.c"
    ;;
  *)
    arguments=(-DWEFT_BY="$by")
    if [[ $by == package ]]; then
      arguments+=(-DCMAKE_PREFIX_PATH="$from")
    else
      arguments+=(-DFETCHCONTENT_SOURCE_DIR_WEFT="$from")
    fi
    cmake -G Ninja -S "$here" -B "$work" -DCMAKE_CXX_COMPILER="$CXX" -DCMAKE_C_COMPILER="$CC" \
      "${arguments[@]}" "$@"
    ninja -C "$work" "${programs[@]}"
    ;;
esac

prompt="Once upon a time"
wanted=$("$INFER" run -m "$MODEL" "$prompt" -n 8 --temperature 0 2>/dev/null)
[[ -n $wanted ]] || fail "infer generated nothing"
for program in "${programs[@]}"; do
  got=$("$work/$program" "$MODEL")
  [[ $got == "$wanted" ]] || fail "$program generated '$got', infer '$wanted'"
  echo "$program: $got"
  linked=static
  if [[ $(ldd "$work/$program") == *libweft* ]]; then linked=shared; fi
  # The C interface is a shared library always.
  [[ $linked == "$LINKED" || $program == c ]] || fail "$program was linked $linked, not $LINKED"
done
