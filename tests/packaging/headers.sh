#!/usr/bin/env bash
# headers.sh CMAKE MAKE_HEADERS WORK: packaging/make_headers.cmake over small trees: what is needed
# is installed under its public name, and nothing else can be.
set -euo pipefail
cmake=$1 script=$2 work=$3
fail() { echo "$*" >&2; exit 1; }
rm -rf "$work"
mkdir -p "$work/api/deep" "$work/core"
printf '// See api/deep/two.h, not xapi/deep/two.h.\n#include "core/one.h"\n' >"$work/api/top.h"
printf '#include "api/top.h"\n' >"$work/api/deep/two.h"
printf 'int one;\n' >"$work/core/one.h"

# make PUBLIC SUPPORTING: lists separated by semicolons.
make() {
  printf 'set(WEFT_PUBLIC_HEADERS %s)\nset(WEFT_SUPPORTING_HEADERS %s)\n' "$1" "$2" >"$work/lists.cmake"
  "$cmake" -DSOURCE="$work" -DLISTS="$work/lists.cmake" -DOUT="$work/out" -P "$script" 2>&1
}

make "api/top.h api/deep/two.h" core/one.h || fail "refused a whole list"
[[ $(cat "$work/out/weft/top.h") == \
  $'// See weft/deep/two.h, not xapi/deep/two.h.\n#include <weft/core/one.h>' ]] ||
  fail "top.h became: $(cat "$work/out/weft/top.h")"
[[ $(cat "$work/out/weft/deep/two.h") == "#include <weft/top.h>" ]] || fail "two.h is wrong"

said=$(make api/top.h "") && fail "installed a header without what it includes"
[[ $said == *"api/top.h includes core/one.h"* ]] || fail "said: $said"

echo >"$work/api/top.h"
said=$(make api/top.h core/one.h) && fail "installed a private header that nothing needs"
[[ $said == *"core/one.h is installed, but no public header includes it"* ]] || fail "said: $said"

make api/top.h "" || fail "refused one header alone"
[[ ! -e $work/out/weft/deep/two.h ]] || fail "left behind what is public no longer"
