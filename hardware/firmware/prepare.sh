#!/usr/bin/env bash
# prepare.sh NF-INTERPRETER CHIP: puts what a firmware with IotPsk needs into a source tree of nanoframework/nf-interpreter, for the chip
# esp32, esp32s3, esp32c3 or esp32c6, and prints how to build it. It adds files and changes none; running it again renews them.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
[ $# -eq 2 ] || { sed -n '2,3s/^# //p' "$0" >&2; exit 2; }
tree=$1 chip=$2
case $chip in
  esp32) board=ESP32 preset=ESP32_REV3 base=sdkconfig.default_nopsram_rev3.esp32 ;;
  esp32s3) board=ESP32_S3 preset=ESP32_S3_QUAD base=sdkconfig.default_quad_ble.esp32s3 ;;
  esp32c3) board=ESP32_C3 preset=ESP32_C3 base=sdkconfig.default_rev3.esp32c3 ;;
  esp32c6) board=ESP32_C6 preset=ESP32_C6_THREAD base=sdkconfig.default.esp32c6 ;;
  *) echo "prepare.sh: there is no profile for '$chip'; there is one for esp32, esp32s3, esp32c3 and esp32c6" >&2; exit 2 ;;
esac
idf=$tree/targets/ESP32/_IDF
for needed in "$tree/CMake/Modules" "$tree/InteropAssemblies" "$idf/$base" "$idf/$chip" "$tree/targets/ESP32/defconfig"; do
  [ -e "$needed" ] || { echo "prepare.sh: $needed is missing: is $tree a source tree of nf-interpreter, of the version in hardware/README.md?" >&2; exit 1; }
done
sources=$tree/InteropAssemblies/IotPsk.Device.Native
# Into a directory ln would put the link, and the build would go on with the files that lie there.
if [ -e "$sources" ] && [ ! -L "$sources" ]; then
  echo "prepare.sh: $sources is a copy of IotPsk's files, perhaps an old one: remove it, a link takes its place" >&2
  exit 1
fi

ln -sfn "$here" "$sources"
ln -sf "$here/interop/FindINTEROP-IotPsk.Device.Native.cmake" "$tree/CMake/Modules/"
{
  printf '# Made by IotPsk: %s, and behind it what IotPsk wants otherwise.\n' "$base"
  cat "$idf/$base"
  # Without a last line break the first setting of ours would be a part of the last one of theirs.
  echo
  cat "$here/sdkconfig/iotpsk.sdkconfig" "$here/sdkconfig/$chip.sdkconfig"
} >"$idf/sdkconfig.iotpsk.$chip"
cp "$here/partitions/${chip}_4mb.csv" "$idf/$chip/partitions_iotpsk_4mb.csv"
cp "$here/defconfig/IOTPSK_${board}_defconfig" "$tree/targets/ESP32/defconfig/"

cat <<END
Ready for $chip. In $tree:
  cmake --preset $preset -DNF_TARGET_DEFCONFIG=targets/ESP32/defconfig/IOTPSK_${board}_defconfig -DNF_INTEROP_ASSEMBLIES=IotPsk.Device.Native
  cmake --build build
END
