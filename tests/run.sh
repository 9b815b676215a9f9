#!/usr/bin/env bash
# Runs the suites, fast ones first, and ends with one line: N passed, N failed.
#   tests/run.sh [NAME...]     NAME is one of the suites below; without a name all of them run
# Everything must be built already (`make test` does that). Logs and .trx files: out/test-results/.
set -u
cd "$(dirname "$0")/.." || exit 1

suites='shared tls keys net lwm2m core firmware device gateway interop life demo readme'
results=$PWD/out/test-results
configuration=Release
suite_seconds=900                    # a suite that takes longer hangs
least_branches=90                    # percent of the engine's branches that its suite has to reach

# Each of these runs one suite into its log and sets passed, failed, skipped, and problem (empty if all went well).
run_dotnet() {
  local assembly=IotPsk.${1^}.Tests path trx=$results/$1.trx counters status what
  path=tests/$assembly
  if [ "$1" = interop ]; then path=tests/interop; fi
  what=("$path/bin/$configuration/net10.0/$assembly.dll")
  if [ "$1" = tls ]; then
    what=("$path" -c "$configuration" --no-build --settings "$path/coverage.runsettings" --collect 'XPlat Code Coverage' --results-directory "$results/coverage")
  fi
  timeout -k 20 "$suite_seconds" dotnet test "${what[@]}" --nologo \
    --logger "trx;LogFileName=$trx" --logger 'console;verbosity=minimal' >"$log" 2>&1 </dev/null
  status=$?
  counters=$(grep -o '<Counters [^>]*>' "$trx" 2>/dev/null | head -n 1)
  passed=$(attribute passed) failed=$(attribute failed) skipped=$(attribute notExecuted)
  if [ "$status" -eq 124 ] || [ "$status" -eq 137 ]; then problem="did not end within $suite_seconds s"
  elif [ -z "$counters" ]; then problem="wrote no result (exit code $status)"
  elif [ $((passed + failed)) -eq 0 ]; then problem='ran no test'
  elif [ "$failed" -gt 0 ]; then problem="$failed failed"
  elif [ "$status" -ne 0 ]; then problem="exit code $status though no test failed"
  elif [ "$1" = tls ]; then read_coverage
  fi
}

# Sets note to what the suite reached of the engine, and problem if that is not enough.
read_coverage() {
  local file rates
  file=$(find "$results/coverage" -name coverage.cobertura.xml 2>/dev/null | head -n 1)
  rates=$(sed -n 's/.*<coverage line-rate="\([0-9.]*\)" branch-rate="\([0-9.]*\)".*/\1 \2/p' "${file:-/dev/null}")
  if [ -z "$rates" ]; then problem='no coverage was measured'; return; fi
  note=$(awk -v least="$least_branches" '{ printf "IotPsk.Tls: %.1f %% of lines, %.1f %% of branches (at least %d %%)", 100 * $1, 100 * $2, least }' <<<"$rates")
  if awk -v least="$least_branches" '{ exit 100 * $2 >= least }' <<<"$rates"; then problem="too few branches reached"; fi
}

attribute() {
  local value
  value=$(grep -o " $1=\"[0-9]*\"" <<<"$counters" | grep -o '[0-9]*')
  echo "${value:-0}"
}

run_counting() {                     # a script that ends with "N passed, N failed"
  local status line
  timeout -k 20 "$suite_seconds" "$@" >"$log" 2>&1 </dev/null
  status=$?
  line=$(grep -E '^[0-9]+ passed, [0-9]+ failed' "$log" | tail -n 1)
  read -r passed _ failed _ <<<"${line:-0 passed, 0 failed}"
  if [ -z "$line" ] || [ $((passed + failed)) -eq 0 ]; then problem="ran no test (exit code $status)"
  elif [ "$failed" -gt 0 ]; then problem="$failed failed"
  elif [ "$status" -ne 0 ]; then problem="exit code $status though no test failed"
  fi
}

run_demo() {
  local status
  timeout -k 20 "$suite_seconds" tests/demo.sh >"$log" 2>&1 </dev/null
  status=$?
  if [ "$status" -eq 0 ]; then passed=1; else failed=1 problem="exit code $status"; fi
}

run_suite() {
  local name=$1 log=$results/$1.log start=$EPOCHREALTIME
  passed=0 failed=0 skipped=0 problem='' note=''
  case $name in
    core | firmware) run_counting "tests/$name/run.sh" ;;
    life) run_counting tests/fleet-life.sh "${IOTPSK_LIFE:-60}" ;;
    demo) run_demo ;;
    readme) run_counting tests/readme.sh ;;
    *) run_dotnet "$name" ;;
  esac
  # A suite that broke without a failed test still counts as one.
  if [ -n "$problem" ] && [ "$failed" -eq 0 ]; then failed=1; fi
  printf '%-9s %5d passed %4d failed %4d skipped %7s s   %s\n' "$name" "$passed" "$failed" "$skipped" \
    "$(elapsed "$start")" "${problem:-ok}"
  if [ -n "$note" ]; then echo "          $note"; fi
  if [ -n "$problem" ]; then
    sed 's/^/    | /' "$log" | tail -n 200
    echo "    (all of it: ${log#"$PWD/"})"
    failures+=$(name_failures "$name")$'\n'
  fi
  total_passed=$((total_passed + passed)) total_failed=$((total_failed + failed)) total_skipped=$((total_skipped + skipped))
}

# A line for each test that failed, as far as the suite names them.
name_failures() {
  local found
  found=$(grep '<UnitTestResult [^>]*outcome="Failed"' "$results/$1.trx" 2>/dev/null | sed -n 's/.*testName="\([^"]*\)".*/\1/p')
  if [ -z "$found" ]; then found=$(grep -E '^FAIL|failed:$' "$log"); fi
  sed "s/^/  $1: /" <<<"${found:-$problem}"
}

elapsed() {
  local micros=$(( ${EPOCHREALTIME//[.,]/} - ${1//[.,]/} ))
  printf '%d.%d' $((micros / 1000000)) $((micros % 1000000 / 100000))
}

names=("$@")
if [ $# -eq 0 ]; then read -ra names <<<"$suites"; fi
for name in "${names[@]}"; do
  if [[ " $suites " != *" $name "* ]]; then
    echo "There is no suite '$name'. The suites are: $suites" >&2
    exit 2
  fi
done

rm -rf "$results"
mkdir -p "$results"
total_passed=0 total_failed=0 total_skipped=0 failures=''
for name in "${names[@]}"; do run_suite "$name"; done

echo
# Once more at the end, where they are seen.
if [ -n "$failures" ]; then printf 'Failed:\n%s\n' "$failures"; fi
if [ "$total_skipped" -gt 0 ]; then echo "$total_passed passed, $total_failed failed, $total_skipped skipped"
else echo "$total_passed passed, $total_failed failed"; fi
[ "$total_failed" -eq 0 ] && [ "$total_passed" -gt 0 ]
