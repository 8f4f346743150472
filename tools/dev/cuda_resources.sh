#!/usr/bin/env bash
# tools/dev/cuda_resources.sh [ARCH...]: compiles every CUDA kernel for these architectures (90a) and
# tables what each takes of a multiprocessor, by kernel over its formats:
#   architecture  source  kernel  variants  registers (least .. most)  spilled bytes (most)
# Fails if any kernel spills registers to memory. Needs nvcc, no GPU.
set -euo pipefail
weft_root=$(cd -- "$(dirname -- "$(readlink -f -- "${BASH_SOURCE[0]}")")/../.." && pwd)
source "$weft_root/tools/dev/setup.sh"
command -v nvcc >/dev/null || weft_die "nvcc is not on PATH"
architectures=("${@:-90a}")

log=$(mktemp)
trap 'rm -f "$log"' EXIT
printf 'arch source kernel variants registers spilled\n'
status=0
for arch in "${architectures[@]}"; do
  for source in "$weft_root"/kernels/cuda/*.cu; do
    nvcc -std=c++20 -O3 -I"$weft_root" --expt-relaxed-constexpr --fmad=false -Xptxas -v \
      -gencode "arch=compute_$arch,code=sm_$arch" -cubin -o /dev/null "$source" 2>"$log" ||
      { cat "$log" >&2; weft_die "$source does not compile for $arch"; }
    c++filt <"$log" | awk -v arch="$arch" -v source="$(basename "$source")" '
      /Compiling entry function/ {
        name = $0
        sub(/.*Compiling entry function .(void )?/, "", name)
        # run_kernel<weft::cuda::(anonymous namespace)::Name<...>>(...)
        sub(/.*run_kernel</, "", name)
        gsub(/weft::cuda::|\(anonymous namespace\)::/, "", name)
        match(name, /^[A-Za-z0-9_:]+/)
        name = substr(name, 1, RLENGTH)
        sub(/.*::/, "", name)
      }
      /bytes spill stores/ {
        bytes = $5 + $9
        if (bytes > spilled[name]) spilled[name] = bytes
      }
      /Used [0-9]+ registers/ {
        match($0, /Used [0-9]+/)
        used = substr($0, RSTART + 5, RLENGTH - 5) + 0
        if (!(name in variants) || used < least[name]) least[name] = used
        if (used > most[name]) most[name] = used
        ++variants[name]
      }
      END {
        for (n in variants) {
          printf "%s %s %s %d %d..%d %d\n", arch, source, n, variants[n], least[n], most[n], spilled[n]
          if (spilled[n] > 0) bad = 1
        }
        exit bad
      }' || status=1
  done
done
exit "$status"
