# Shared by ./run, ./test and .ci/run (sourced, not run): finds the project, installs
# what is missing, builds with one line of progress.
# Expects `set -euo pipefail` and $weft_root, the project's folder.

weft_say() { printf 'weft: %s\n' "$*" >&2; }
weft_die() { weft_say "$*"; exit 1; }

# A compiler cache filled by one clone serves the next, wherever it lies.
export CCACHE_BASEDIR=$weft_root CCACHE_NOHASHDIR=1
# ccache's manual: what it asks for where headers are precompiled.
export CCACHE_SLOPPINESS=pch_defines,time_macros

# Debian 12 and newer, Ubuntu 24.04 and newer.
weft_packages=(
  g++ cmake ninja-build ccache pkg-config
  libtbb-dev libeigen3-dev libexpected-dev libpcre2-dev libutf8proc-dev libcli11-dev
  libfmt-dev libspdlog-dev nlohmann-json3-dev libxxhash-dev libedit-dev libgtest-dev
  libbenchmark-dev)
# Asio, headers only. Debian 12's libboost-dev is 1.74, which is too old; later releases have 1.83.
if grep -qs '^VERSION_CODENAME=bookworm' /etc/os-release; then
  weft_packages+=(libboost1.81-dev)
else
  weft_packages+=(libboost1.83-dev)
fi

# weft_install PACKAGE...: installs those that are not there yet. Asking dpkg costs
# milliseconds, so this can come first in every start.
weft_install() {
  if ! command -v dpkg-query >/dev/null; then
    weft_say "not a Debian-like system; what is needed is called there: $*"
    return
  fi
  local -A have=()
  local name status
  while read -r status name; do
    if [[ $status == installed ]]; then have[$name]=1; fi
  done < <(dpkg-query -W -f '${db:Status-Status} ${Package}\n' "$@" 2>/dev/null || true)
  local missing=() package
  for package in "$@"; do
    if [[ -z ${have[$package]-} ]]; then missing+=("$package"); fi
  done
  if (( ${#missing[@]} == 0 )); then return; fi

  local as_root=(env DEBIAN_FRONTEND=noninteractive)
  if (( EUID != 0 )); then
    command -v sudo >/dev/null ||
      weft_die "missing packages; as root: apt-get install ${missing[*]}"
    as_root=(sudo "${as_root[@]}")
    weft_say "installing with sudo apt-get: ${missing[*]}"
  else
    weft_say "installing with apt-get: ${missing[*]}"
  fi
  local log
  log=$(mktemp)
  # An index of yesterday may name versions that the mirror has dropped: update first.
  if ! { "${as_root[@]}" apt-get update -q &&
         "${as_root[@]}" apt-get install -yq --no-install-recommends "${missing[@]}"; } \
       >"$log" 2>&1 </dev/null; then
    cat "$log" >&2
    rm -f "$log"
    weft_die "apt-get failed"
  fi
  rm -f "$log"
}

# One line that is rewritten on a terminal, a line every tenth elsewhere. Reads ninja's
# output from standard input. (Not awk: some read a pipe in large pieces, and the
# progress would come at the end.)
weft_progress() {
  local label=$1 line done total tenth shown=0
  while IFS= read -r line; do
    [[ $line =~ ^\[([0-9]+)/([0-9]+)\] ]] || continue
    done=${BASH_REMATCH[1]} total=${BASH_REMATCH[2]}
    if [[ -t 2 ]]; then
      printf '\r\033[Kweft: building %s %d/%d' "$label" "$done" "$total" >&2
    else
      tenth=$((10 * done / total))
      if (( tenth > shown )); then
        shown=$tenth
        weft_say "building $label $done/$total"
      fi
    fi
  done
  if [[ -t 2 ]]; then printf '\r\033[K' >&2; fi
}

# weft_configure PRESET [cmake arguments...]: once; later changes are noticed by ninja.
weft_configure() {
  local preset=$1 dir=$weft_root/build/$1 log
  shift
  if [[ -f $dir/build.ninja ]]; then return; fi
  weft_say "configuring $preset"
  mkdir -p "$dir"
  log=$dir/configure.log
  if ! (cd "$weft_root" && cmake --preset "$preset" "$@") >"$log" 2>&1; then
    cat "$log" >&2
    weft_die "configuring $preset failed"
  fi
}

# weft_build PRESET [ninja targets...]: quiet when it goes well; what the compiler said,
# in full, when it does not.
weft_build() {
  local preset=$1 dir=$weft_root/build/$1
  shift
  local log=$dir/build.log
  if NINJA_STATUS='[%f/%t] ' ninja -C "$dir" "$@" </dev/null 2>&1 |
       tee "$log" | weft_progress "$preset"; then
    # Warnings do not stop a build that does not demand their absence, nor are they lost.
    if grep -q 'warning:' "$log"; then grep -vE '^(\[[0-9]+/[0-9]+\]|ninja:)' "$log" >&2; fi
  else
    grep -vE '^\[[0-9]+/[0-9]+\]' "$log" >&2 || true
    weft_die "building $preset failed"
  fi
}
