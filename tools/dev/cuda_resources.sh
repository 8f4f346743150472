#!/usr/bin/env bash
# tools/dev/cuda_resources.sh [ARCH...] [SOURCE.cu...]: compiles every CUDA kernel (or those of these
# files) for these architectures (80 90a) and tables, as Markdown, what each takes of a multiprocessor,
# over its formats and sizes: source, kernel, variants, and for each architecture registers (least …
# most), and the most bytes that a variant spills, if any does.
# Fails if any kernel spills registers to memory, and names the variants that do. Needs nvcc, no GPU;
# some minutes an architecture, most of them for linear_packed.cu and linear_warpgroups_sm90a.cu:
# NAME_sm90a.cu is compiled for that one alone.
set -euo pipefail
weft_root=$(cd -- "$(dirname -- "$(readlink -f -- "${BASH_SOURCE[0]}")")/../.." && pwd)
source "$weft_root/tools/dev/setup.sh"
command -v nvcc >/dev/null || weft_die "nvcc is not on PATH"
command -v c++filt >/dev/null || weft_die "c++filt is not on PATH (binutils)"

architectures=()
sources=()
for argument in "$@"; do
  case $argument in
    *.cu) sources+=("$weft_root/kernels/cuda/$(basename "$argument")") ;;
    *) architectures+=("$argument") ;;
  esac
done
[[ ${#architectures[@]} -gt 0 ]] || architectures=(80 90a)
[[ ${#sources[@]} -gt 0 ]] || sources=("$weft_root"/kernels/cuda/*.cu)

log=$(mktemp)
rows=$(mktemp)
trap 'rm -f "$log" "$rows"' EXIT
status=0
for arch in "${architectures[@]}"; do
  for source in "${sources[@]}"; do
    # What is of one architecture alone is compiled for no other.
    [[ $source != *_sm90a.cu || $arch == 90a ]] || continue
    nvcc -std=c++20 -O3 -I"$weft_root" --expt-relaxed-constexpr --fmad=false -Xptxas -v \
      -gencode "arch=compute_$arch,code=sm_$arch" -cubin -o /dev/null "$source" >"$log" 2>&1 ||
      { cat "$log" >&2; weft_die "$source does not compile for $arch"; }
    # A kernel is an entry function `void …::run_kernel<…::Name<…>>(…)`, or a function of its own.
    c++filt <"$log" | awk -v arch="$arch" -v source="$(basename "$source")" '
      /Compiling entry function/ {
        whole = $0
        sub(/^.*Compiling entry function ./, "", whole)
        sub(/. for .sm_[0-9a-z]*.$/, "", whole)
        gsub(/\(anonymous namespace\)::/, "", whole)
        name = whole
        sub(/^.*run_kernel</, "", name)
        sub(/^void /, "", name)
        sub(/[<>(].*$/, "", name)
        gsub(/^.*::/, "", name)
        bytes = 0
      }
      /bytes spill stores/ {
        for (i = 2; i < NF; ++i) if ($i == "bytes" && $(i + 1) == "spill") bytes += $(i - 1)
      }
      /Used [0-9]+ registers/ {
        match($0, /Used [0-9]+/)
        used = substr($0, RSTART + 5, RLENGTH - 5) + 0
        if (!(name in variants)) names[++count] = name
        if (!(name in variants) || used < least[name]) least[name] = used
        if (used > most[name]) most[name] = used
        if (bytes > spilled[name]) spilled[name] = bytes
        if (bytes > 0) { print source " for " arch " spills " bytes " bytes: " whole > "/dev/stderr" }
        ++variants[name]
      }
      END {
        for (i = 1; i <= count; ++i) {
          n = names[i]
          range = least[n] == most[n] ? least[n] : least[n] " … " most[n]
          if (spilled[n] > 0) range = range ", spills " spilled[n]
          printf "%s\t%s\t%s\t%d\t%s\n", arch, source, n, variants[n], range
          if (spilled[n] > 0) bad = 1
        }
        exit bad
      }' >>"$rows" || status=1
  done
done

awk -F '\t' -v list="${architectures[*]}" '
  {
    key = $2 " | " $3
    if (!(key in variants)) keys[++count] = key
    variants[key] = $4
    cell[key, $1] = $5
  }
  END {
    n = split(list, arch, " ")
    line = "| source | kernel | variants |"
    rule = "|---|---|---|"
    for (a = 1; a <= n; ++a) {
      line = line " sm_" arch[a] " |"
      rule = rule "---|"
    }
    print line
    print rule
    for (i = 1; i <= count; ++i) {
      line = "| " keys[i] " | " variants[keys[i]] " |"
      for (a = 1; a <= n; ++a) line = line " " cell[keys[i], arch[a]] " |"
      print line
    }
  }' "$rows"
exit "$status"
