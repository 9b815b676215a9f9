#!/usr/bin/env bash
# A PostgreSQL server of a test's own: in a temporary directory, on a Unix socket there and on one loopback port, ended by its process id.
#   tests/postgres.sh PORT      makes and starts one, says "ready DIRECTORY", then obeys its standard input, a word a line: start, stop (each is
#                               answered by the same word); when the input ends the server ends too, and its directory goes
# A script sources this file instead:  pg_make PORT; pg_start; pg_database NAME; ...; pg_stop; pg_remove
# Its one role is iotpsk, whose password is in $pg_dir/password:  Host=127.0.0.1;Port=$pg_port;Database=NAME;Username=iotpsk

pg_bin() { find /usr/lib/postgresql -path '*/bin/postgres' 2>/dev/null | sort -V | tail -n 1 | xargs -r dirname; }

pg_as() {                            # PostgreSQL does not run as root
  if [ "$(id -u)" = 0 ]; then setpriv --reuid=postgres --regid=postgres --init-groups -- "$@"; else "$@"; fi
}

pg_make() {
  pg_port=$1 pg_pid=
  pg_bin=$(pg_bin)
  [ -n "$pg_bin" ] || { echo 'PostgreSQL is not installed: make test installs it (Debian package postgresql)' >&2; return 1; }
  pg_dir=$(mktemp -d "${TMPDIR:-/tmp}/iotpsk-pg-XXXXXX") || return 1
  head -c 12 /dev/urandom | od -An -tx1 | tr -d ' \n' >"$pg_dir/password"
  if [ "$(id -u)" = 0 ]; then chown -R postgres:postgres "$pg_dir"; fi
  (cd / && pg_as "$pg_bin/initdb" -D "$pg_dir/data" -U iotpsk -A scram-sha-256 --pwfile="$pg_dir/password" -E UTF8 --locale=C -N) >"$pg_dir/initdb.log" 2>&1 ||
    { cat "$pg_dir/initdb.log" >&2; return 1; }
}

pg_start() {
  local tries
  (cd / && pg_as setsid "$pg_bin/postgres" -D "$pg_dir/data" -k "$pg_dir" -p "$pg_port" \
    -c listen_addresses=127.0.0.1 -c fsync=off -c full_page_writes=off -c synchronous_commit=off -c shared_buffers=32MB -c max_connections=100) \
    >>"$pg_dir/server.log" 2>&1 </dev/null &
  local child=$!
  for ((tries = 0; tries < 300; tries++)); do
    pg_pid=$(head -n 1 "$pg_dir/data/postmaster.pid" 2>/dev/null) || true
    if [ -n "$pg_pid" ] && "$pg_bin/pg_isready" -q -h "$pg_dir" -p "$pg_port"; then pg_guard; return; fi
    kill -0 "$child" 2>/dev/null || break
    sleep 0.1
  done
  cat "$pg_dir/server.log" >&2
  return 1
}

pg_guard() {                         # a script that is killed leaves no server behind
  setsid bash -c 'while kill -0 "$1" && kill -0 "$2"; do sleep 1; done; if ! kill -0 "$1"; then kill -INT "$2"; rm -rf -- "$3"; fi' \
    guard $$ "$pg_pid" "$pg_dir" >/dev/null 2>&1 </dev/null &
  disown
}

pg_psql() { PGPASSWORD=$(cat "$pg_dir/password") "$pg_bin/psql" -X -q -v ON_ERROR_STOP=1 -h "$pg_dir" -p "$pg_port" -U iotpsk "$@"; }

pg_database() { pg_psql -d postgres -c "CREATE DATABASE \"$1\""; }

pg_stop() {                          # as a reboot of its machine: every connection ends
  [ -n "${pg_pid:-}" ] || return 0
  kill -INT "$pg_pid" 2>/dev/null || true
  while kill -0 "$pg_pid" 2>/dev/null; do sleep 0.05; done
  pg_pid=
}

pg_remove() {
  pg_stop
  if [ -n "${pg_dir:-}" ]; then rm -rf -- "$pg_dir"; fi
}

if [ "${BASH_SOURCE[0]}" = "$0" ]; then
  set -u
  # What a test had open when it started this, such as a connection to a TPM, must not stay open because of it. (255 is this file.)
  for fd in /proc/$$/fd/*; do
    fd=${fd##*/}
    if [ "$fd" -gt 2 ] && [ "$fd" -ne 255 ]; then eval "exec $fd>&-"; fi
  done
  trap pg_remove EXIT
  trap 'exit 1' TERM INT
  if ! { pg_make "${1:?the port is missing}" && pg_start; }; then exit 1; fi
  echo "ready $pg_dir"
  while read -r word; do
    case $word in
      start) pg_start || exit 1 ;;
      stop) pg_stop ;;
    esac
    echo "$word"
  done
fi
