#!/usr/bin/env bash
# Brings the source of mbedTLS 3.6.7 onto this machine and prints the directory it is in as the only line on stdout.
# It comes as a Debian source package, by apt and from the mirror that this machine's own apt uses, into a private
# cache: no root, no change to the system. MBEDTLS_SRC=DIR uses a source tree of yours instead.
#   fetch-mbedtls.sh [--whole]     --whole: with the sample programs and all else, for the tests
set -euo pipefail
PATH=$PATH:/usr/sbin:/sbin

version=3.6.7
sha256=a7e8bcbec0e6f761b4af24f25677626b35f762f68eef79c08677a363212d11f6    # mbedtls_3.6.7.orig.tar.bz2
base=${XDG_CACHE_HOME:-$HOME/.cache}/iotpsk
tree=$base/mbedtls-$version
parts=(--wildcards --no-wildcards-match-slash '*/include' '*/library' '*/3rdparty/p256-m' '*/LICENSE')
if [ "${1:-}" = --whole ]; then tree+=-whole parts=(); fi

say() { echo "mbedTLS: $*" >&2; }
fail() { say "$@"; exit 1; }

use_given_tree() {
  local header=$MBEDTLS_SRC/include/mbedtls/build_info.h given
  [ -f "$header" ] || fail "MBEDTLS_SRC=$MBEDTLS_SRC is no mbedTLS source tree: it has no include/mbedtls/build_info.h."
  given=$(sed -n 's/^#define MBEDTLS_VERSION_STRING  *"\(.*\)"/\1/p' "$header")
  case $given in
    "$version") ;;
    3.6.*) say "MBEDTLS_SRC is $given; IotPsk is tested with $version, and 3.6.6 and older have a known buffer overflow." ;;
    *) fail "MBEDTLS_SRC=$MBEDTLS_SRC is mbedTLS ${given:-of unknown version}; IotPsk needs 3.6.x ($version is what it is tested with)." ;;
  esac
  [ -f "$MBEDTLS_SRC/library/error.c" ] ||
    fail "MBEDTLS_SRC=$MBEDTLS_SRC lacks generated files (library/error.c): use a release tarball, or run scripts/make_generated_files there."
  (cd "$MBEDTLS_SRC" && pwd)
}

# One line for each archive that apt is configured with: URI|suites|components|keyring
configured_archives() {
  local list=/etc/apt/sources.list parts=/etc/apt/sources.list.d LIST='' PARTS='' file
  eval "$(apt-config shell LIST Dir::Etc::sourcelist/f PARTS Dir::Etc::sourceparts/d 2>/dev/null || true)"
  for file in "${LIST:-$list}" "${PARTS:-$parts}"/*.list; do
    [ -f "$file" ] || continue
    awk '{ sub(/#.*/, "") } $1 == "deb" || $1 == "deb-src" {
           options = ""
           if (match($0, /\[[^]]*\]/)) { options = substr($0, RSTART + 1, RLENGTH - 2); $0 = substr($0, 1, RSTART - 1) substr($0, RSTART + RLENGTH) }
           key = ""; count = split(options, option, " ")
           for (i = 1; i <= count; i++) if (tolower(option[i]) ~ /^signed-by=/) key = substr(option[i], 11)
           components = ""; for (i = 4; i <= NF; i++) components = components " " $i
           print $2 "|" $3 "|" components "|" key }' "$file"
  done
  for file in "${PARTS:-$parts}"/*.sources; do
    [ -f "$file" ] || continue
    awk 'function flush(  count, uri, i) {
           if (tolower(field["enabled"]) !~ /^ *no *$/ && field["types"] ~ /deb/) {
             count = split(field["uris"], uri, " ")
             for (i = 1; i <= count; i++) print uri[i] "|" field["suites"] "|" field["components"] "|" field["signed-by"] }
           split("", field); name = "" }
         /^#/ { next }
         /^[ \t]*$/ { flush(); next }
         /^[ \t]/ { sub(/^[ \t]+/, " "); field[name] = field[name] $0; next }
         { name = tolower($0); sub(/:.*/, "", name); value = $0; sub(/^[^:]*:[ \t]*/, "", value); field[name] = value }
         END { flush() }' "$file"
  done
}

# Sets uri, keyring, component and suites: the distribution's own archive among what apt is configured with.
choose_archive() {
  local ID='' ID_LIKE='' VERSION_CODENAME='' UBUNTU_CODENAME='' names distribution best=-1 score line_uri line_suites line_components line_key
  # shellcheck disable=SC1091
  [ -r /etc/os-release ] && . /etc/os-release
  case " $ID $ID_LIKE " in
    *" ubuntu "*)
      distribution=ubuntu component=universe names="${UBUNTU_CODENAME:-$VERSION_CODENAME}"
      suites="devel $names-updates $names" ;;
    *)
      distribution=debian component=main names="$VERSION_CODENAME stable testing unstable sid forky trixie bookworm"
      suites='forky sid trixie trixie-updates trixie-backports' ;;
  esac
  uri='' keyring=''
  while IFS='|' read -r line_uri line_suites line_components line_key; do
    [[ " $line_components " == *" $component "* && $line_uri != cdrom:* ]] || continue
    score=-1
    for name in $names; do [[ " $line_suites " == *" $name "* ]] && score=0; done
    [ "$score" -eq 0 ] || continue
    # Other people's archives name their suites like the distribution's: the key and the path tell them apart.
    if [[ $line_key == *"$distribution-archive-keyring"* ]]; then score=$((score + 2)); fi
    if [[ $line_uri =~ /$distribution/?$ ]]; then score=$((score + 1)); fi
    if [ "$score" -gt "$best" ]; then best=$score uri=$line_uri keyring=${line_key// /}; fi
  done < <(configured_archives)
  [ -n "$uri" ] || return 1
  if [[ $keyring != /* || ! -r $keyring ]]; then keyring=/usr/share/keyrings/$distribution-archive-keyring.gpg; fi
  [ -r "$keyring" ] || keyring=''
}

private_apt() {
  local command=$1; shift
  "$command" -q -c "$work/apt.conf" -o Dir::Etc::SourceList="$work/sources.list" -o Dir::Etc::SourceParts=/dev/null \
    -o Dir::State::Lists="$work/lists" -o Dir::Cache="$work/cache" -o APT::Sandbox::User="$(id -un)" "$@"
}

# Reads the source index of one suite; says the versions of mbedTLS in it, and keeps them in $offers.
look_into() {
  local suite=$1 options=${keyring:+[signed-by=$keyring] }
  rm -rf "$work/lists" "$work/cache"
  mkdir -p "$work/lists/partial" "$work/cache/archives/partial"
  echo "deb-src $options$uri $suite $component" >"$work/sources.list"
  offers=''
  private_apt apt-get update >"$work/log" 2>&1 || true
  if grep -q 'NO_PUBKEY' "$work/log"; then
    # The pinned SHA-256 decides what is accepted; the index only says where the file lies.
    say "the keyring of this machine does not know the key of $suite; going on, the checksum is what counts"
    echo "deb-src [trusted=yes] $uri $suite $component" >"$work/sources.list"
    private_apt apt-get update >"$work/log" 2>&1 || true
  fi
  offers=$(private_apt apt-cache showsrc --only-source mbedtls 2>/dev/null | sed -n 's/^Version: //p' | sort -Vu | tr '\n' ' ' || true)
  reason=$(grep -m 1 "^[EW]:" "$work/log" | cut -c1-160 || true)
}

download() {
  local suite offer seen='' archive
  for suite in $suites; do
    say "looking for $version in suite $suite of $uri"
    look_into "$suite"
    seen+="    $suite: ${offers:-nothing${reason:+ ($reason)}}"$'\n'
    for offer in $offers; do
      [[ $offer == "$version-"* || $offer == "$version+"* ]] || continue
      say "getting the source package mbedtls $offer (5.5 MB)"
      if ! (cd "$work" && private_apt apt-get source --download-only --tar-only "mbedtls=$offer") >"$work/log" 2>&1; then
        tail -n 5 "$work/log" >&2; continue
      fi
      archive=$(find "$work" -maxdepth 1 -name "mbedtls_$version.orig.tar.*" ! -name '*.asc' | head -n 1)
      [ -n "$archive" ] || continue
      if echo "$sha256  $archive" | sha256sum --check --status; then unpack "$archive"; return; fi
      say "$suite delivers $(basename "$archive") with SHA-256 $(sha256sum "$archive" | cut -d' ' -f1), not the pinned $sha256: refused"
      rm -f "$archive"
    done
  done
  say "no suite of $uri offers mbedTLS $version. mbedTLS there:"
  printf '%s' "$seen" >&2
  advise
}

advise() {
  cat >&2 <<END
  Get the release $version (or a newer 3.6.x) yourself, from Debian or from the project, unpack it and say where it is:
      MBEDTLS_SRC=/path/to/mbedtls-$version make test
END
  exit 1
}

unpack() {
  local fresh=$work/tree
  mkdir "$fresh"
  tar -xf "$1" -C "$fresh" --strip-components=1 "${parts[@]}"
  echo "$sha256" >"$fresh/.sha256"
  rm -rf "$tree"
  mv "$fresh" "$tree"
  say "unpacked into $tree"
}

if [ -n "${MBEDTLS_SRC:-}" ]; then use_given_tree; exit; fi

mkdir -p "$base"
exec 9>"$base/.lock"
flock 9
if [ "$(cat "$tree/.sha256" 2>/dev/null)" != "$sha256" ]; then
  for tool in apt-get tar bzip2 sha256sum; do
    command -v "$tool" >/dev/null 2>&1 || { say "$tool is missing (dpkg-dev brings bzip2; apt-get is Debian's and Ubuntu's)."; advise; }
  done
  choose_archive || { say "apt on this machine is not configured with the distribution's own archive (component $component)."; advise; }
  work=$(mktemp -d "$base/fetch.XXXXXX")
  trap 'rm -rf "$work"' EXIT
  cat >"$work/apt.conf" <<'END'
#clear APT::Update::Pre-Invoke;
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
END
  download
fi
echo "$tree"
