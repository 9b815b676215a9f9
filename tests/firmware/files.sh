#!/usr/bin/env bash
# files.sh CASE: what a firmware is configured with, and the script that puts it into a source tree of nf-interpreter.
set -eu
cd "$(dirname "$0")/../../hardware/firmware"
chips='esp32 esp32s3 esp32c3 esp32c6'
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

fail() {
  echo "$*" >&2
  exit 1
}

tree() { # a source tree with what prepare.sh looks for
  local chip
  mkdir -p "$work/CMake/Modules" "$work/InteropAssemblies" "$work/targets/ESP32/defconfig"
  for chip in $chips; do mkdir -p "$work/targets/ESP32/_IDF/$chip"; done
  for base in default_nopsram_rev3.esp32 default_quad_ble.esp32s3 default_rev3.esp32c3 default.esp32c6; do
    printf 'CONFIG_MBEDTLS_HAVE_TIME_DATE=y\nCONFIG_THEIRS=y' >"$work/targets/ESP32/_IDF/sdkconfig.$base"
  done
}

last() { sed -n "s/^CONFIG_$1=//p" "$2" | tail -n 1; }

case $1 in
  partitions_do_not_overlap_and_fit_the_flash)
    for chip in $chips; do
      end=$((0x9000))
      while IFS=, read -r name _ _ offset size flags; do
        [[ $name == '#'* ]] && continue
        [ $((offset)) -ge "$end" ] || fail "$chip: $name begins at $offset, what is before it ends at $end"
        [ $((size % 0x1000)) -eq 0 ] || fail "$chip: $name is no whole number of sectors"
        if [ "$name" = factory ]; then [ $((offset % 0x10000)) -eq 0 ] || fail "$chip: an application begins at a multiple of 64 KiB"; fi
        if [ "$name" = nvs_keys ]; then [[ $flags == *encrypted* ]] || fail "$chip: the keys of NVS are not encrypted"; fi
        if [ "$name" = nvs ]; then [ $((size)) -ge $((3 * 0x1000)) ] || fail "$chip: NVS needs three sectors"; fi
        end=$((offset + size))
      done <"partitions/${chip}_4mb.csv"
      [ "$end" -eq $((0x400000)) ] || fail "$chip: the partitions end at $end"
    done ;;
  prepare_makes_a_tree_that_builds_with_our_settings_last)
    tree
    for chip in $chips; do
      said=$(./prepare.sh "$work" "$chip")
      made=$work/targets/ESP32/_IDF/sdkconfig.iotpsk.$chip
      [ "$(last THEIRS "$made")" = y ] || fail "$chip: their last setting is lost"
      [ "$(last MBEDTLS_HAVE_TIME_DATE "$made")" = n ] || fail "$chip: the wall clock is on"
      [ "$(last NVS_ENCRYPTION "$made")" = y ] || fail "$chip: NVS is not encrypted"
      table=$(last PARTITION_TABLE_CUSTOM_FILENAME "$made" | tr -d '"')
      [ -f "$work/$table" ] || fail "$chip: there is no $table"
      defconfig=$(grep -o 'NF_TARGET_DEFCONFIG=[^ ]*' <<<"$said" | cut -d= -f2)
      [ -f "$work/$defconfig" ] || fail "$chip: there is no $defconfig"
      [ "$(last SDK_CONFIG_FILE "$work/$defconfig")" = "\"sdkconfig.iotpsk.$chip\"" ] || fail "$chip: the defconfig names another sdkconfig"
    done
    [ -f "$work/InteropAssemblies/IotPsk.Device.Native/psk_core.h" ] || fail 'psk_core is not where the build looks for it'
    [ -f "$work/CMake/Modules/FindINTEROP-IotPsk.Device.Native.cmake" ] || fail 'the module is not where the build looks for it' ;;
  prepare_done_twice_changes_nothing)
    tree
    ./prepare.sh "$work" esp32c3 >/dev/null
    before=$(find "$work" -type f -exec sha256sum {} + | sort)
    ./prepare.sh "$work" esp32c3 >/dev/null
    [ "$before" = "$(find "$work" -type f -exec sha256sum {} + | sort)" ] || fail 'the second time made something else' ;;
  prepare_says_what_is_wrong_with_its_arguments)
    ./prepare.sh 2>/dev/null && fail 'no arguments were taken'
    said=$(./prepare.sh "$work" esp32 2>&1) && fail 'an empty directory was taken'
    [[ $said == *"is missing: is $work a source tree of nf-interpreter"* ]] || fail "$said"
    said=$(./prepare.sh "$work" esp8266 2>&1) && fail 'a chip without profile was taken'
    [[ $said == *"no profile for 'esp8266'"* ]] || fail "$said"
    [ -z "$(ls "$work")" ] || fail 'something was written' ;;
  prepare_refuses_a_tree_with_a_copy_of_the_sources)
    tree
    mkdir "$work/InteropAssemblies/IotPsk.Device.Native"
    before=$(find "$work" | sort)
    said=$(./prepare.sh "$work" esp32 2>&1) && fail 'a copy was taken for the link'
    [[ $said == *"IotPsk.Device.Native is a copy"*"remove it"* ]] || fail "$said"
    [ "$before" = "$(find "$work" | sort)" ] || fail 'something was written' ;;
  *)
    fail "there is no case $1" ;;
esac
