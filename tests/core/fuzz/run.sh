#!/usr/bin/env bash
# Fuzzes what psk_core is given from outside, under AddressSanitizer and UndefinedBehaviorSanitizer: 30 minutes in all, or
# FUZZ_SECONDS. What makes a fuzzer stop lies in out/fuzz-device afterwards, with the command that shows it again.
# The last line is: N passed, N failed
set -u
cd "$(dirname "$0")/../../.." || exit 1
seconds=${FUZZ_SECONDS:-1800}
build=$PWD/hardware/host/build/fuzz
out=$PWD/out/fuzz-device
passed=0 failed=0

# target | its share of the time, in percent | longest input
targets='
tls    32 2048
dtls   28 4096
saved  12 2048
rekey   8 4096
vault  10 4096
bundle  6 2300
queue   4 2048
'

if ! command -v clang >/dev/null; then echo 'clang is missing: tests/setup.sh test installs it'; echo '0 passed, 1 failed'; exit 1; fi
CC=clang hardware/host/build.sh "$build" fuzz-device -DIOTPSK_FUZZ=ON || { echo '0 passed, 1 failed'; exit 1; }
rm -rf "$out"
mkdir -p "$out"
SEEDS=$out/seeds "$build/tests/fuzz/fuzz-seeds" seeds >"$out/seeds.log" 2>&1 || { cat "$out/seeds.log"; echo '0 passed, 1 failed'; exit 1; }

while read -r name share longest; do
  [ -n "$name" ] || continue
  time=$((seconds * share / 100))
  if [ "$time" -lt 1 ]; then time=1; fi
  mkdir -p "$out/$name"
  command=("$build/tests/fuzz/fuzz-$name" -dict=tests/core/fuzz/tls.dict -rss_limit_mb=2048 -timeout=20)
  if "${command[@]}" -max_total_time="$time" -max_len="$longest" -print_final_stats=1 -artifact_prefix="$out/$name-" \
      "$out/$name" "$out/seeds/$name" >"$out/$name.log" 2>&1 </dev/null; then
    passed=$((passed + 1))
    awk -v name="$name" -v time="$time" '/ cov: /{ for (i = 1; i < NF; i++) if ($i == "cov:") cov = $(i + 1) }
      /number_of_executed_units/{ runs = $2 } END { printf "%-7s %5d s %10d inputs  %5d edges  nothing found\n", name, time, runs, cov }' "$out/$name.log"
  else
    failed=$((failed + 1))
    tail -n 40 "$out/$name.log"
    echo "$name: found something. Again: ${command[*]} $(ls "$out/$name-"* 2>/dev/null | head -n 1)"
  fi
done <<<"$targets"
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
