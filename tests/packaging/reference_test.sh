#!/usr/bin/env bash
# reference_test.sh WORK: docs/reference.sh over a small header: silent where all is said, and naming
# what is not.
set -euo pipefail
work=$1
source=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/../.." && pwd)
fail() { echo "$*" >&2; exit 1; }
command -v doxygen >/dev/null || { echo "skipped: doxygen is not installed"; exit 77; }

# run HEADER: 0 where it is whole; what was said is in $said.
run() {
  rm -rf "$work"
  mkdir -p "$work/include/weft"
  printf '%s\n' "$1" >"$work/include/weft/planted.h"
  said=$("$source/docs/reference.sh" "$source" "$work/include" "$work/out" 0)
}

whole='// What this is.
#pragma once

namespace weft {

// A thing.
struct Thing {
  Thing(Thing&&) noexcept;
  ~Thing();
  int size = 0;  // in bytes

  // Whether it is so, or so:
  bool is_so() const;
  bool is_such() const;

  // From a number.
  void set(int number);
  void set(double number);

 private:
  int hidden_ = 0;
};

}  // namespace weft'
run "$whole" || fail "refused a whole header: $said"

# Each with one comment taken away, and the name that has none then.
while IFS='|' read -r comment name; do
  run "${whole/"$comment"/}" && fail "passed without '$comment'"
  [[ $said == *"weft/planted.h:"*"$name"*"is not documented"* ]] || fail "without '$comment': $said"
done <<'END'
// A thing.|weft::Thing
  // in bytes|size
// Whether it is so, or so:|is_so
// Whether it is so, or so:|is_such
// From a number.|set
END

# A comment speaks for others only where it says so.
run "${whole/or so:/or so.}" && fail "a comment spoke for what it does not name"
[[ $said == *is_such* ]] || fail "said: $said"
