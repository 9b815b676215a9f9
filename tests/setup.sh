#!/usr/bin/env bash
# Installs what the build, the demo and the tests use and this machine lacks. Says nothing when nothing is missing.
#   setup.sh [test | footprint]...     and what only these need
set -eu
PATH=$PATH:/usr/sbin:/sbin

# what shows that it is there | packages that bring it, the first one known here is taken | what for
needs='
cmd:gcc|gcc|compiles the device TLS core (psk_core and mbedTLS)
file:/usr/include/stdlib.h|libc6-dev|C headers for the same
cmd:cmake|cmake|builds the device TLS core
cmd:make|make|runs the targets of the Makefile
cmd:dpkg-source|dpkg-dev|unpacks the mbedTLS source package
cmd:swtpm|swtpm|the TPM 2.0 emulator that stands in for a chip in the demo and the tests
cmd:swtpm_setup|swtpm-tools|makes such a TPM with an endorsement certificate, for the tests
cmd:certtool|gnutls-bin|the same
cmd:tpm2_readpublic|tpm2-tools|an independent look at the keys in the TPM
lib:libtss2-esys.so.0|libtss2-esys-3.0.2-0t64 libtss2-esys-3.0.2-0|the TPM stack that the gateway calls
lib:libtss2-mu.so.0|libtss2-mu-4.0.1-0t64 libtss2-mu0|the same: wire formats
lib:libtss2-tctildr.so.0|libtss2-tctildr0t64 libtss2-tctildr0|the same: finds the transport to the TPM
lib:libtss2-tcti-device.so.0|libtss2-tcti-device0t64 libtss2-tcti-device0|the same: transport to /dev/tpmrm0
lib:libtss2-tcti-swtpm.so.0|libtss2-tcti-swtpm0t64 libtss2-tcti-swtpm0|the same: transport to swtpm
lib:libtss2-tcti-pcap.so.0|libtss2-tcti-pcap0t64 libtss2-tcti-pcap0|captures what goes to the TPM, for the tests
lib:libsqlite3.so.0|libsqlite3-0|the device registry
cmd:mosquitto|mosquitto|the MQTT broker behind the gateway
cmd:mosquitto_sub|mosquitto-clients|reads telemetry back from the broker
cmd:openssl|openssl|TLS client of another make, for the tests
file:/usr/include/openssl/ssl.h|libssl-dev|C headers for a test client on OpenSSL
cmd:gnutls-cli|gnutls-bin|TLS client of another make, for the tests
cmd:stunnel|stunnel4|TLS peer of another make, for the tests
cmd:node|nodejs|the same
cmd:haproxy|haproxy|takes the PROXY header of a tunnel listener, for the tests
cmd:coap-client-openssl|libcoap3-bin|CoAP over DTLS of another make, for the tests and make bench-dtls
cmd:tshark|tshark|decrypts our captures with a key log, for the tests
cmd:systemd-analyze|systemd|looks at the unit of the service, for the tests
cmd:curl|curl|asks the gateway for its health and numbers
cmd:jq|jq|reads JSON in the demo and the tests
cmd:faketime|faketime|lets devices of the demo believe in another year, for the tests
'

packages_of_node=no
for group in "$@"; do
  case $group in
    test) packages_of_node=yes; needs+='
cmd:npm|npm|installs the MQTT client that the tests run on node
glob:/usr/lib/postgresql/*/bin/postgres|postgresql|the registry that several gateways share
cmd:clang-tidy|clang-tidy|looks at the C of the device
cmd:clang|clang|fuzzes the device TLS core
glob:/usr/lib/llvm-*/lib/clang/*/lib/linux/libclang_rt.fuzzer-*.a|libclang-rt-dev libclang-rt-14-dev|the same
' ;;
    footprint) needs+='
cmd:riscv64-unknown-elf-gcc|gcc-riscv64-unknown-elf|compiles the device TLS core for a board
file:/usr/lib/picolibc/riscv64-unknown-elf/picolibc.specs|picolibc-riscv64-unknown-elf|the C library of that
cmd:qemu-system-riscv32|qemu-system-misc|runs it and counts its instructions
' ;;
    *) echo "setup.sh knows no '$group'" >&2; exit 2 ;;
  esac
done

have() {
  case $1 in
    cmd:*) command -v "${1#cmd:}" >/dev/null 2>&1 ;;
    file:*) [ -e "${1#file:}" ] || [ -e "/usr/include/$(uname -m)-linux-gnu/${1##*/}" ] ;;
    glob:*) compgen -G "${1#glob:}" >/dev/null ;;
    lib:*) ldconfig -p 2>/dev/null | grep -qF "${1#lib:} " ;;
  esac
}

candidate() {                        # the first of the named packages that apt can install
  for package in "$@"; do
    if apt-cache policy "$package" 2>/dev/null | grep -q 'Candidate: [^(]'; then echo "$package"; return; fi
  done
  return 1
}

check_dotnet() {
  if command -v dotnet >/dev/null 2>&1 && dotnet --list-sdks 2>/dev/null | grep -q '^10\.'; then return; fi
  cat >&2 <<'END'
IotPsk needs the .NET 10 SDK, and `dotnet --list-sdks` shows none.
  Ubuntu:  sudo apt-get install dotnet-sdk-10.0
  Debian:  add Microsoft's package feed, then the same command
  How, step by step:  https://learn.microsoft.com/dotnet/core/install/linux
END
  exit 1
}

# The versions of package-lock.json, anew only when that changed.
install_node_packages() {
  local directory
  directory=$(dirname "${BASH_SOURCE[0]}")/interop/node
  if [ "$packages_of_node" = no ] || [ "$directory/node_modules/.package-lock.json" -nt "$directory/package-lock.json" ]; then return; fi
  echo 'Installing the packages of tests/interop/node.'
  (cd "$directory" && npm ci --ignore-scripts --no-audit --no-fund --loglevel error >/dev/null) ||
    { echo 'npm could not install them: is its registry reachable from here? (npm ci in tests/interop/node)' >&2; exit 1; }
  touch "$directory/node_modules/.package-lock.json"
}

check_dotnet
missing=()
while IFS='|' read -r probe packages purpose; do
  [ -n "$probe" ] || continue
  have "$probe" || missing+=("$packages|$purpose")
done <<<"$needs"

if [ ${#missing[@]} -eq 0 ]; then install_node_packages; exit 0; fi

if ! command -v apt-get >/dev/null 2>&1; then
  echo "This machine has no apt-get. Please install what brings these (Debian's names), then try again:" >&2
  for entry in "${missing[@]}"; do
    packages=${entry%%|*}
    printf '  %-24s %s\n' "${packages##* }" "${entry#*|}" >&2
  done
  exit 1
fi

root=()
if [ "$(id -u)" -ne 0 ]; then root=(sudo); fi

as_root() {
  if [ ${#root[@]} -eq 0 ]; then "$@"; else "${root[@]}" "$@"; fi
}

may_become_root() {
  [ "$(id -u)" -eq 0 ] && return
  command -v sudo >/dev/null 2>&1 || return 1
  sudo -n true 2>/dev/null || { [ -t 0 ] && sudo -v; }
}

resolve() {                          # fills `install` with the packages to ask apt for; fails if one is not known
  install=()
  local entry packages name
  for entry in "${missing[@]}"; do
    packages=${entry%%|*}
    # shellcheck disable=SC2086      # the alternatives are words
    name=$(candidate $packages) || { unknown=$packages; return 1; }
    install+=("$name")
  done
}

if ! resolve; then
  # Only now are fresh package lists worth their time; without root the names below are Debian's plain ones.
  if may_become_root; then
    echo "Refreshing the package lists (apt-get update): they do not know $unknown."
    as_root apt-get update -q || true
    if ! resolve; then
      echo "apt knows no package for: $unknown. Is the 'main' (Debian) or 'universe' (Ubuntu) component switched on?" >&2
      exit 1
    fi
  else
    install=()
    for entry in "${missing[@]}"; do packages=${entry%%|*}; install+=("${packages##* }"); done
  fi
fi

echo "These Debian packages are missing:"
for index in "${!missing[@]}"; do printf '  %-28s %s\n' "${install[$index]}" "${missing[$index]#*|}"; done

if ! may_become_root; then
  echo "Installing them needs root, and sudo is not usable from here. Please run, then try again:" >&2
  echo "  sudo apt-get update && sudo apt-get install -y --no-install-recommends ${install[*]}" >&2
  exit 1
fi

# Packages that start a service of their own: the tests run theirs on free ports, so where the package is new the unit is
# masked while it is installed, then left switched off; a service that was there is not touched.
quiet=()
if [ -d /run/systemd/system ]; then
  for unit in mosquitto haproxy; do
    if [[ " ${install[*]} " == *" $unit "* ]]; then
      quiet+=("$unit")
      as_root systemctl mask --runtime "$unit.service" >/dev/null 2>&1 || true
    fi
  done
fi
finish() {
  for unit in "${quiet[@]}"; do
    as_root systemctl unmask --runtime "$unit.service" >/dev/null 2>&1 || true
    as_root systemctl disable "$unit.service" >/dev/null 2>&1 || true
  done
}
trap finish EXIT

apt_install() {
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "${install[@]}"
}

echo "Installing them now${root[*]:+ by sudo}."
log=$(mktemp)
if ! apt_install >"$log" 2>&1; then
  echo "That failed; once more with fresh package lists (apt-get update)."
  as_root apt-get update -q >>"$log" 2>&1 || true
  if ! apt_install >>"$log" 2>&1; then
    tail -n 20 "$log" >&2
    echo "apt-get could not install them; its whole output is in $log." >&2
    exit 1
  fi
fi
rm -f "$log"
for unit in "${quiet[@]}"; do echo "The system's own $unit service stays switched off; 'systemctl enable --now $unit' starts it."; done

while IFS='|' read -r probe _ _; do
  [ -z "$probe" ] || have "$probe" || { echo "The packages are installed, but ${probe#*:} is still not found." >&2; exit 1; }
done <<<"$needs"
install_node_packages
