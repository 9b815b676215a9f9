#!/usr/bin/env bash
# Functions of footprint.sh: compiles and links for rv32imc with picolibc. Sets nothing but functions and these names.
cross=riscv64-unknown-elf
code=(-march=rv32imc -mabi=ilp32 -Os -msave-restore -std=gnu11 -ffunction-sections -fdata-sections --specs=picolibc.specs)
machine=(-Wl,--defsym=__flash=0x80000000 -Wl,--defsym=__flash_size=0x00800000 -Wl,--defsym=__ram=0x80800000
  -Wl,--defsym=__ram_size=0x00800000 -Wl,--defsym=__stack_size=0x20000)

# compile_all DIRECTORY FLAGS... -- SOURCES...: an object of each, compiled anew when a flag or a file it needs has changed
compile_all() {
  local directory=$1 flags=() source object
  shift
  while [ "$1" != -- ]; do flags+=("$1"); shift; done
  shift
  mkdir -p "$directory"
  if [ "$(cat "$directory/flags" 2>/dev/null)" != "${code[*]} ${flags[*]}" ]; then
    rm -f "$directory"/*.o
    echo "${code[*]} ${flags[*]}" >"$directory/flags"
  fi
  for object in "$directory"/*.o; do       # of a source that is no more
    case " $* " in *"/$(basename "$object" .o).c "*) ;; *) rm -f "$object" ;; esac
  done
  for source in "$@"; do
    object=$directory/$(basename "$source" .c).o
    if [ -e "$object" ] && [ "$object" -nt "$source" ] && ! is_stale "$object"; then continue; fi
    printf '%s\0%s\0' "$source" "$object"
  done | CODE="${code[*]} ${flags[*]}" xargs -0 -r -n 2 -P "$(nproc)" "$here/compile.sh" "$cross-gcc" || return 1
}

is_stale() {                         # whether a header of the object is newer than it
  local needed
  for needed in $(sed -e 's/^[^:]*://' -e 's/\\$//' "${1%.o}.d" 2>/dev/null); do
    if [ "$needed" -nt "$1" ] || [ ! -e "$needed" ]; then return 0; fi
  done
  return 1
}
