#!/usr/bin/env bash
# Runs the README's own commands: every block fenced as "sh", in order, in one shell, as a reader would type them.
# Prints "N passed, N failed" as its last line; a block counts as one.
set -u
cd "$(dirname "$0")/.."
log=$(mktemp -d)
script="$log/readme.bash"
mkdir "$log/tmp"

awk -v log_dir="$log" '
  /^```sh$/ { inside = 1; block++; print "echo \"block " block "\" >> \"" log_dir "/progress\""; next }
  /^```$/   { if (inside) print "echo \"ok " block "\" >> \"" log_dir "/progress\""; inside = 0; next }
  inside    { print }
  END       { print block > (log_dir "/count") }' README.md > "$script"

# A reader's shell goes on after a failing line; a test must not.
TMPDIR="$log/tmp" timeout "${README_TIMEOUT:-180}" bash -eu -o pipefail "$script" > "$log/out" 2>&1
status=$?

total=$(cat "$log/count")
passed=$(grep -c '^ok' "$log/progress" 2> /dev/null)
if [ "$status" -ne 0 ] || [ "$passed" -ne "$total" ]; then
  echo "README.md: block $((passed + 1)) of $total failed with exit code $status. Its output:" >&2
  tail -n 40 "$log/out" >&2
  # What the blocks started is ended by its id.
  for file in "$log"/tmp/*/*.pid; do
    [ -f "$file" ] && kill "$(cat "$file")" 2> /dev/null
  done
fi
echo "$passed passed, $((total - passed)) failed"
rm -r "$log"
[ "$passed" -eq "$total" ]
