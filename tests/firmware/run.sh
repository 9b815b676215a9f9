#!/usr/bin/env bash
# Builds what goes into a board's firmware as nf-interpreter's build would, against a double of it and of the CLR (see double/), and runs
# it under AddressSanitizer and UndefinedBehaviorSanitizer. The last line is: N passed, N failed
set -u
cd "$(dirname "$0")/../.." || exit 1
build=$PWD/hardware/host/build/firmware
passed=0 failed=0

count() { # NAME COMMAND...
  local name=$1 said
  shift
  if said=$(timeout 120 "$@" 2>&1); then passed=$((passed + 1)); else failed=$((failed + 1)); printf '%s failed:\n%s\n' "$name" "$said"; fi
}

source=$(hardware/host/fetch-mbedtls.sh) || exit 1
mkdir -p "$build"
if cmake -S tests/firmware/double -B "$build" -DMBEDTLS_SRC="$source" >"$build/build.log" 2>&1 \
  && cmake --build "$build" --parallel "$(nproc)" >>"$build/build.log" 2>&1; then
  for program in nanoCLR.elf test-vault-nvs; do
    for name in $("$build/$program"); do count "$program $name" "$build/$program" "$name"; done
  done
else
  tail -n 60 "$build/build.log"
  failed=$((failed + 1))
fi
for name in $(sed -n 's/^  \([a-z0-9_]*\))$/\1/p' tests/firmware/files.sh); do count "files $name" tests/firmware/files.sh "$name"; done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
