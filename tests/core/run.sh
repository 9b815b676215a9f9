#!/usr/bin/env bash
# Builds and runs the tests of the device TLS core: plainly, under AddressSanitizer and UndefinedBehaviorSanitizer,
# and in the profile of a small board. The last line is: N passed, N failed
set -u
cd "$(dirname "$0")/../.." || exit 1
host=$PWD/hardware/host
passed=0 failed=0

# run_build DIRECTORY [CMAKE-OPTION...]
run_build() {
  local directory=$1 target result
  shift
  for target in all core-tests; do
    if ! "$host/build.sh" "$directory" "$target" "$@"; then failed=$((failed + 1)); return; fi
  done
  result=$(cd "$directory" && ctest --parallel "$(nproc)" --output-on-failure 2>&1)
  # 98% tests passed, 1 tests failed out of 64
  if [[ $result =~ ([0-9]+)\ tests\ failed\ out\ of\ ([0-9]+) ]]; then
    failed=$((failed + BASH_REMATCH[1])) passed=$((passed + BASH_REMATCH[2] - BASH_REMATCH[1]))
    if [ "${BASH_REMATCH[1]}" -gt 0 ]; then grep -v ' Passed \|^ *Start' <<<"$result"; fi
  else
    printf '%s\n' "$result" | tail -n 40
    failed=$((failed + 1))
  fi
}

run_build "$host/build"
# What a board has: small records and queues, and the other P-256.
run_build "$host/build/small" -DIOTPSK_DTLS=ON -DIOTPSK_IN_CONTENT=512 -DIOTPSK_OUT_CONTENT=512 "-DIOTPSK_QUEUES=128;96" -DIOTPSK_LEGACY_EC=ON
run_build "$host/build/sanitize" -DIOTPSK_SANITIZE=ON -DCMAKE_BUILD_TYPE=Debug
# A moment of fuzzing: that the fuzzers build, that their seeds reach what they should, and what is found at once.
fuzzed=$(FUZZ_SECONDS=${FUZZ_SECONDS:-10} tests/core/fuzz/run.sh 2>&1)
echo "$fuzzed"
if [[ $fuzzed =~ ([0-9]+)\ passed,\ ([0-9]+)\ failed$ ]]; then
  passed=$((passed + BASH_REMATCH[1])) failed=$((failed + BASH_REMATCH[2]))
else
  failed=$((failed + 1))
fi
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
