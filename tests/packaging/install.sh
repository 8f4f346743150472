#!/usr/bin/env bash
# install.sh BUILD PREFIX: installs the two components and looks at what came of them.
set -euo pipefail
build=$1 prefix=$2
fail() { echo "$*" >&2; exit 1; }
rm -rf "$prefix" "$prefix-moved"
cmake --install "$build" --prefix "$prefix" --component runtime
[[ ! -e $prefix/include ]] || fail "the component runtime has headers"
"$prefix/bin/infer" --version
# infer finds its model where both were installed, and after the tree was moved.
mv "$prefix" "$prefix-moved"
answer=$("$prefix-moved/bin/infer" run --chat "What is 7 plus 5?" --temperature 0 2>/dev/null)
mv "$prefix-moved" "$prefix"
[[ $answer == "7 plus 5 is 12." ]] || fail "the installed infer answered: $answer"
cmake --install "$build" --prefix "$prefix" --component development
for file in include/weft/engine.h lib/cmake/weft/weftConfig.cmake lib/pkgconfig/weft.pc \
    share/doc/weft/LICENSE; do
  [[ -e $prefix/$file ]] || fail "$file was not installed"
done
# The components are all there is: installing without naming one adds nothing.
before=$(cd "$prefix" && find . -type f | sort)
cmake --install "$build" --prefix "$prefix" >/dev/null
[[ $(cd "$prefix" && find . -type f | sort) == "$before" ]] || fail "a file is in no component"
# The tree may be moved: it names neither its own place nor the one it was built in.
if grep -rlF -e "$prefix" -e "$build" "$prefix/lib/cmake" "$prefix/lib/pkgconfig" "$prefix/include"; then
  fail "names where it was installed or built"
fi
