#!/usr/bin/env bash
# tidy.sh BUILD-DIRECTORY: clang-tidy finds nothing in the device's C. The directory holds compile_commands.json.
set -u
cd "$(dirname "$0")/../../hardware" || exit 1
if ! command -v clang-tidy >/dev/null; then echo 'clang-tidy is missing: tests/setup.sh test installs it'; exit 1; fi
found=$(printf '%s\n' firmware/*.c host/*.c | xargs -P "$(nproc)" -n 4 clang-tidy --quiet -p "$1" 2>&1)
status=$?
grep -E 'warning:|error:' <<<"$found" | sort -u
exit "$status"
