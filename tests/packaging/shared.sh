#!/usr/bin/env bash
# shared.sh SOURCE WORK [cmake arguments...]: weft as shared libraries, installed to WORK/prefix,
# and the programs outside of it over them (consume.sh, with its environment).
set -euo pipefail
source=$1 work=$2
shift 2
here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
rm -rf "$work"
cmake -G Ninja -S "$source" -B "$work" -DBUILD_SHARED_LIBS=ON -DCMAKE_CXX_COMPILER="$CXX" \
  -DWEFT_BUILD_TOOLS=OFF -DWEFT_BUILD_TESTS=OFF -DWEFT_BUILD_EXAMPLES=OFF -DWEFT_BUILD_BENCH=OFF "$@"
nice ninja -C "$work"
cmake --install "$work" --prefix "$work/prefix"
if ls "$work"/prefix/lib/*.a 2>/dev/null; then
  echo "a shared package has archives" >&2
  exit 1
fi
export LINKED=shared
"$here/consume.sh" package "$work/prefix" "$work/package"
"$here/consume.sh" pkg-config "$work/prefix" "$work/pkg-config"
