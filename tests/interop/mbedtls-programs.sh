#!/usr/bin/env bash
# Builds mbedTLS's own ssl_client2 and ssl_server2, peers of the interop tests, and prints the directory they are in as
# the only line on stdout. They are built once for a user (MBEDTLS_SRC=DIR: see hardware/host/fetch-mbedtls.sh).
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
fetch=$here/../../hardware/host/fetch-mbedtls.sh
# Records of 1024 bytes, so that a peer who does not keep to record_size_limit is found out.
options='-O1 -w -DMBEDTLS_SSL_RECORD_SIZE_LIMIT -DMBEDTLS_SSL_IN_CONTENT_LEN=1024 -DMBEDTLS_SSL_OUT_CONTENT_LEN=1024'

base=${XDG_CACHE_HOME:-$HOME/.cache}/iotpsk
programs=$base/mbedtls-programs-$(cat "$fetch" "$0" - <<<"${MBEDTLS_SRC:-}" | sha256sum | cut -c1-12)
mkdir -p "$base"
exec 9>"$base/.programs.lock"
flock 9
if [ ! -x "$programs/ssl_server2" ]; then
  source=$("$fetch" --whole)
  [ -f "$source/programs/ssl/ssl_client2.c" ] || { echo "mbedTLS: $source has no sample programs." >&2; exit 1; }
  work=$(mktemp -d "$base/programs.XXXXXX")
  trap 'rm -rf "$work"' EXIT
  if ! { cmake -S "$source" -B "$work/build" -DENABLE_TESTING=OFF -DGEN_FILES=OFF -DMBEDTLS_FATAL_WARNINGS=OFF -DCMAKE_BUILD_TYPE=None -DCMAKE_C_FLAGS="$options" &&
         cmake --build "$work/build" --target ssl_client2 ssl_server2 --parallel "$(nproc)"; } >"$work/log" 2>&1; then
    tail -n 40 "$work/log" >&2
    exit 1
  fi
  mkdir "$work/programs"
  mv "$work"/build/programs/ssl/ssl_{client2,server2} "$work/programs"
  mv "$work/programs" "$programs"
  if [ -z "${MBEDTLS_SRC:-}" ]; then rm -rf "$source"; fi
fi
echo "$programs"
