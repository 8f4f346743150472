#!/usr/bin/env bash
# exports.sh NM LIBRARY HEADER: what the library shows is what the header declares, under a version.
set -euo pipefail
nm=$1 library=$2 header=$3
shown=$("$nm" -D --defined-only "$library" | awk '{ print $NF }' | grep -v '^WEFT_[0-9.]*$' | sort)
# A declaration's name stands before its first parenthesis, on its first line or the next.
declared=$(grep -A1 '^WEFT_API ' "$header" | grep -oE '\bweft_[a-z0-9_]+\(' | tr -d '(' | sort -u)
failed=0
others=$(grep -vE '^weft_[a-z0-9_]+@@WEFT_[0-9]+\.[0-9]+$' <<<"$shown" || true)
if [[ -n $others ]]; then
  printf 'shown beside weft_*, or without a version:\n%s\n' "$others"
  failed=1
fi
difference=$(diff <(sed 's/@.*//' <<<"$shown" | sort -u) <(echo "$declared")) || true
if [[ -n $difference ]]; then
  printf 'only shown (<), only declared (>):\n%s\n' "$difference"
  failed=1
fi
echo "$(wc -l <<<"$declared") functions"
exit "$failed"
