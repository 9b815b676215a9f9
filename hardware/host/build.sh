#!/usr/bin/env bash
# Builds the device TLS core for this machine: hardware/host/build/libiotpsk.so, the command line client and variants.
#   build.sh [BUILD-DIRECTORY [TARGET [CMAKE-OPTION...]]]         MBEDTLS_SRC=DIR: see fetch-mbedtls.sh
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
build=${1:-$here/build}
target=${2:-all}
shift $(($# < 2 ? $# : 2))

source=$("$here/fetch-mbedtls.sh")
mkdir -p "$build"
log=$build/build.log
run() {
  if ! "$@" >>"$log" 2>&1; then
    echo "Building the device TLS core failed: $*" >&2
    tail -n 60 "$log" >&2
    echo "(all of it: $log)" >&2
    exit 1
  fi
}

: >"$log"
start=$SECONDS
run cmake -S "$here" -B "$build" -DMBEDTLS_SRC="$source" "$@"
run cmake --build "$build" --target "$target" --parallel "$(nproc)"
if grep -q 'Linking C' "$log"; then echo "Device TLS core: built $target in $((SECONDS - start)) s"; fi
