#!/usr/bin/env bash
# fetch.sh SCRIPT TREE CASE: what fetch-mbedtls.sh says and does; TREE is a right mbedTLS source tree.
set -u
script=$1 tree=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
unset MBEDTLS_SRC APT_CONFIG

# Runs the script with a cache of its own; sets status, output and errors.
run() {
  XDG_CACHE_HOME=$work/cache "$script" >"$work/out" 2>"$work/err"
  status=$? output=$(cat "$work/out") errors=$(cat "$work/err")
}
fail() { printf '%s\nstatus %s\nstdout: %s\nstderr: %s\n' "$1" "$status" "$output" "$errors"; exit 1; }
says() { [[ $errors == *"$1"* ]] || fail "does not say: $1"; }

# Makes the script's apt read these sources instead of the machine's.
sources() {
  mkdir -p "$work/etc/parts"
  cat >"$work/etc/$1"
  touch "$work/etc/sources.list"
  printf 'Dir::Etc::sourcelist "%s";\nDir::Etc::sourceparts "%s";\nAcquire::Retries "0";\n' "$work/etc/sources.list" "$work/etc/parts" \
    >"$work/etc/apt.conf"
  export APT_CONFIG=$work/etc/apt.conf
}

# The mirror that the script picked, as it says it; there is nobody at that address.
picks() { [ "$status" -eq 1 ] || fail 'should fail'; says "of $1"; says 'MBEDTLS_SRC='; [ -z "$output" ] || fail 'prints a path'; }

case $3 in
  uses_a_given_tree)
    MBEDTLS_SRC=$tree run
    [[ $status -eq 0 && $output == "$tree" ]] || fail "should print the tree" ;;
  refuses_a_directory_that_is_no_mbedtls)
    MBEDTLS_SRC=$work run
    [ "$status" -eq 1 ] || fail 'should fail'
    says 'no mbedTLS source tree' ;;
  refuses_a_foreign_version)
    mkdir -p "$work/tree/include/mbedtls"
    echo '#define MBEDTLS_VERSION_STRING         "2.28.3"' >"$work/tree/include/mbedtls/build_info.h"
    MBEDTLS_SRC=$work/tree run
    [ "$status" -eq 1 ] || fail 'should fail'
    says '2.28.3'; says '3.6' ;;
  uses_what_is_cached_without_asking_anybody)
    mkdir -p "$work/cache/iotpsk"
    cp -r "$tree" "$work/cache/iotpsk/mbedtls-3.6.7"
    sources sources.list </dev/null
    run
    [[ $status -eq 0 && $output == "$work/cache/iotpsk/mbedtls-3.6.7" && -z $errors ]] || fail "should use the cache silently" ;;
  finds_the_archive_in_one_line_sources)
    sources sources.list <<'END'
# deb http://127.0.0.1:9/commented/debian bookworm main
deb [arch=amd64 signed-by=/usr/share/keyrings/other.gpg] http://127.0.0.1:9/vendor/prod stable main
deb [ signed-by=/usr/share/keyrings/debian-archive-keyring.gpg ] http://127.0.0.1:9/one/debian stable main contrib # ours
deb http://127.0.0.1:9/one/debian-security stable-security main
END
    run
    picks http://127.0.0.1:9/one/debian ;;
  finds_the_archive_in_deb822_sources)
    sources parts/debian.sources <<'END'
Types: deb
URIs: http://127.0.0.1:9/off/debian
Suites: stable
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg
Enabled: no

# a vendor's
Types: deb
URIs: http://127.0.0.1:9/vendor
Suites: stable
Components: main

Types: deb deb-src
uris: http://127.0.0.1:9/two/debian
Suites: stable
 stable-updates
Components: main
Signed-By:
 /usr/share/keyrings/debian-archive-keyring.gpg
END
    run
    picks http://127.0.0.1:9/two/debian ;;
  says_when_there_is_no_archive)
    sources sources.list <<<'deb http://127.0.0.1:9/vendor nodistro main'
    run
    [ "$status" -eq 1 ] || fail 'should fail'
    says 'not configured'; says 'MBEDTLS_SRC=' ;;
  *) echo "there is no case $3"; exit 2 ;;
esac
