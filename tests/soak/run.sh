#!/usr/bin/env bash
# Ten minutes of a fleet's life, see SoakTests.cs. Everything must be built (`make soak` does that). SOAK_SEED=N for other chances, SOAK_MINUTES=N,
# SOAK_CALM=1: nobody is killed.
set -u
cd "$(dirname "$0")/../.." || exit 1
progress=out/test-results/logs/soak/progress.log
mkdir -p "$(dirname "$progress")"
rm -f "$progress"
tail -n +1 --follow=name --retry "$progress" 2>/dev/null &
watcher=$!
trap 'kill "$watcher" 2>/dev/null' EXIT
dotnet test tests/soak -c Release --no-build --nologo --logger 'console;verbosity=normal'
