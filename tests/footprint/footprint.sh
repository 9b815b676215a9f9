#!/usr/bin/env bash
# Measures psk_core and its mbedTLS as rv32imc code of a bare machine (qemu counts every instruction): flash, RAM, stack, instructions,
# bytes on the wire, for records of 512 and 1024 bytes, p256-m and mbedTLS's own curve code, and a client with certificates beside them.
# The table goes to standard output and to out/footprint/footprint.txt; exit code 1 if a figure is above what it may be.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
# shellcheck source=build.sh
. "$here/build.sh"
mbedtls=$("$root/hardware/host/fetch-mbedtls.sh")
firmware=$root/hardware/firmware
out=$root/out/footprint
mkdir -p "$out"

library=("$mbedtls"/library/*.c "$mbedtls"/3rdparty/p256-m/*.c "$mbedtls"/3rdparty/p256-m/p256-m/*.c)
mapfile -t core < <(ls "$firmware"/psk_*.c "$firmware"/vault*.c | grep -v psk_no_dtls)
include=(-I"$firmware" -I"$here" -I"$out" -isystem "$mbedtls/include" -isystem "$mbedtls/library" -isystem "$mbedtls/3rdparty/p256-m"
  -isystem "$mbedtls/3rdparty/p256-m/p256-m/include")
psk=('-DMBEDTLS_CONFIG_FILE="psk_mbedtls_config.h"')
cert=('-DMBEDTLS_CONFIG_FILE="cert_config.h"' -DNO_FORCED)
serving=(-DMBEDTLS_SSL_SRV_C -DMBEDTLS_SSL_DTLS_HELLO_VERIFY -DMBEDTLS_SSL_COOKIE_C)
device=(-Dcalloc=device_calloc -Dmalloc=device_malloc -Dfree=device_free)
tests=$root/tests/core

fail() { echo "footprint: $*" >&2; exit 1; }

# The other end gets an mbedTLS of its own, whose names nobody else sees.
server() {                           # DIRECTORY: all its objects become DIRECTORY/server.o
  printf 'server_start\nserver_stop\nserver_receive\nserver_drain\n' >"$1/keep"
  "$cross-ld" -m elf32lriscv -r -o "$1/all.o" "$1"/own/*.o "$1"/mbedtls/*.o
  "$cross-objcopy" --keep-global-symbols="$1/keep" "$1/all.o" "$1/server.o"
}

build_servers() {
  compile_all "$out/server/mbedtls" "${include[@]}" "${psk[@]}" "${serving[@]}" -DPSK_LEGACY_EC -- "${library[@]}"
  compile_all "$out/server/own" "${include[@]}" "${psk[@]}" "${serving[@]}" -DPSK_LEGACY_EC -- "$here/server.c" "$tests/tls_server.c" \
    "$tests/dtls_server.c" "$tests/bundles.c" "$firmware/psk_queue.c" "$firmware/psk_peek.c" "$firmware/psk_memory.c"
  server "$out/server"
  compile_all "$out/server-cert/mbedtls" "${include[@]}" "${cert[@]}" "${serving[@]}" -- "${library[@]}"
  compile_all "$out/server-cert/own" "${include[@]}" "${cert[@]}" "${serving[@]}" -- "$here/server_cert.c" "$firmware/psk_queue.c"
  server "$out/server-cert"
}

# A root and a server's certificate, as small as they come: P-256, names of a few letters.
make_certificates() {
  [ -e "$out/certificates.h" ] && return
  local work=$out/certificates
  mkdir -p "$work"
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$work/ca.key" -out "$work/ca.pem" -days 7300 -subj /CN=root \
    -addext basicConstraints=critical,CA:TRUE >/dev/null 2>&1
  openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$work/server.key" -out "$work/server.csr" -subj /CN=server >/dev/null 2>&1
  openssl x509 -req -in "$work/server.csr" -CA "$work/ca.pem" -CAkey "$work/ca.key" -days 7300 -out "$work/server.pem" \
    -extfile <(echo 'subjectAltName=DNS:server') >/dev/null 2>&1
  {
    array authority_der "$(openssl x509 -in "$work/ca.pem" -outform DER | od -An -v -tx1)"
    array certificate_der "$(openssl x509 -in "$work/server.pem" -outform DER | od -An -v -tx1)"
    array key_der "$(openssl ec -in "$work/server.key" -outform DER 2>/dev/null | od -An -v -tx1)"
  } >"$out/certificates.h.new"
  mv "$out/certificates.h.new" "$out/certificates.h"
}

array() { printf '__attribute__((unused)) static const unsigned char %s[] = {%s };\n' "$1" "$(sed 's/ \([0-9a-f][0-9a-f]\)/ 0x\1,/g' <<<"$2")"; }

run() {                              # ELF: what it prints, or nothing
  timeout 600 qemu-system-riscv32 -M virt -cpu rv32 -m 64M -nographic -bios none -icount shift=0 \
    -semihosting-config enable=on,target=native -kernel "$1" </dev/null 2>&1
}

# measure NAME FLAGS...: out/footprint/NAME.sizes and NAME.run
measure() {
  local name=$1 build=$out/$1 link
  shift
  echo "footprint: $name" >&2
  compile_all "$build/mbedtls" "${include[@]}" "$@" -- "${library[@]}"
  compile_all "$build/device/mbedtls" "${include[@]}" "$@" "${device[@]}" -- "${library[@]}"
  link=("$cross-gcc" "${code[@]}" -Wl,--gc-sections "${machine[@]}")
  if [[ $name == certificate* ]]; then
    compile_all "$build/probe" "${include[@]}" "$@" -- "$here/probe_cert.c"
    compile_all "$build/own" "${include[@]}" "$@" -- "$here/measure_cert.c" "$here/meter.c" "$firmware/psk_queue.c"
    "${link[@]}" -Wl,-Map="$build/probe.map" -o "$build/probe.elf" "$build"/probe/*.o "$build"/mbedtls/*.o
    "${link[@]}" --crt0=semihost --oslib=semihost -o "$build/measure.elf" "$build"/own/*.o "$build"/device/mbedtls/*.o "$out/server-cert/server.o"
  else
    compile_all "$build/core" "${include[@]}" "$@" -- "${core[@]}"
    compile_all "$build/device/core" "${include[@]}" "$@" "${device[@]}" -- "${core[@]}"
    compile_all "$build/probe" "${include[@]}" "$@" -- "$here/probe.c"
    compile_all "$build/own" "${include[@]}" "$@" -- "$here/measure.c" "$here/meter.c" "$tests/bundles.c"
    "${link[@]}" -Wl,-Map="$build/probe.map" -o "$build/probe.elf" "$build"/probe/*.o "$build"/core/*.o "$build"/mbedtls/*.o
    "${link[@]}" --crt0=semihost --oslib=semihost -o "$build/measure.elf" "$build"/own/*.o "$build"/device/core/*.o "$build"/device/mbedtls/*.o \
      "$out/server/server.o"
  fi
  awk -f "$here/sizes.awk" "$build/probe.map" >"$out/$name.sizes"
  if "$cross-nm" "$build/probe.elf" | awk '{ print $NF }' | grep -xE 'time|times|clock|clock_gettime|gettimeofday|gmtime(_r)?|localtime(_r)?|mktime'; then
    fail "$name knows the time"
  fi
  run "$build/measure.elf" >"$out/$name.run" || { cat "$out/$name.run" >&2; fail "$name did not run to its end"; }
}

make_certificates
build_servers
for size in 512 1024; do
  lengths=(-DMBEDTLS_SSL_IN_CONTENT_LEN=$size -DMBEDTLS_SSL_OUT_CONTENT_LEN=$size)
  measure "p256m-$size" "${psk[@]}" "${lengths[@]}"
  measure "legacy-$size" "${psk[@]}" "${lengths[@]}" -DPSK_LEGACY_EC
done
measure certificate-4096 "${cert[@]}" -DMBEDTLS_SSL_IN_CONTENT_LEN=4096 -DMBEDTLS_SSL_OUT_CONTENT_LEN=1024
awk -f "$here/table.awk" "$out"/{p256m-512,p256m-1024,legacy-512,legacy-1024,certificate-4096}.{sizes,run} | tee "$out/footprint.txt"
! grep -q 'MISSED' "$out/footprint.txt"
