#!/usr/bin/env bash
# isa_symbols.sh NM OBJECT...: objects compiled for a wider instruction set must be inert
# until dispatch has asked the processor.
#   No weak definitions: of an inline function that several objects define, the linker
#   keeps one for all, and if that one uses AVX2, code that every machine runs does.
#   No constructors of globals: they run before main.
# Only objects in subfolders of kernels/cpu other than scalar/ and packed/ (what every machine runs) count.
set -euo pipefail
nm=$1
shift
checked=0
failed=0
for object in "$@"; do
  inside=${object##*.dir/}
  inside=${inside#./}
  case $object:$inside in
    *:scalar/* | *:generic/* | *:packed/*) continue ;;
    */kernels/cpu/*:*/*) ;;
    *) continue ;;
  esac
  checked=$((checked + 1))
  # nm's letters: V W weak and defined, u unique; the lower-case w, v are mere references.
  # DW.ref.* is the compiler's pointer to the exception handler: data, the same everywhere.
  bad=$("$nm" --defined-only -C "$object" |
    awk '/ DW\.ref\./ { next } $2 ~ /^[VWu]$/ || /_GLOBAL__sub_I_/ || /global constructors keyed/')
  if [[ -n $bad ]]; then
    printf '%s defines:\n%s\n' "$inside" "$bad"
    failed=1
  fi
done
if (( checked == 0 )); then
  printf 'isa_symbols: Skipped\nno kernels for a wider instruction set in this build\n[  SKIPPED ]\n'
  exit 77
fi
echo "$checked objects"
exit "$failed"
