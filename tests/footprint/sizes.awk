# From a linker map: bytes of each part (mbedtls, those of psk_core, ...) in flash (text and read-only data, and what initialises data) and in RAM.
# Input sections stand as " .text.name  0xADDRESS  0xSIZE  FILE", the name perhaps on a line of its own.
function hex(text,  value, i) {
  value = 0
  for (i = 3; i <= length(text); i++) value = value * 16 + index("0123456789abcdef", tolower(substr(text, i, 1))) - 1
  return value
}
/^Linker script and memory map/ { counting = 1 }
!counting { next }
/^\.[a-z_]+/ { output = $1 }
/^\/DISCARD\/|^OUTPUT/ { output = "" }
/^ \.[^ ]+$/ { next }
/0x[0-9a-f]+ +0x[0-9a-f]+ [^ ]*\.(o|a\([^)]*\))$/ {
  file = $NF
  size = hex($(NF - 1))
  if (hex($(NF - 2)) == 0 || size == 0) next
  part = file ~ /\/mbedtls\/[^\/]*$/ ? "mbedtls" : file ~ /\/core\/[^\/]*$/ ? "core" : file ~ /\/(probe|own)\/[^\/]*$/ ? "program" : "libc"
  if (part == "core" && file ~ /\/psk_error\.o$/) part = "texts"
  if (part == "core" && file ~ /\/psk_selftest\.o$/) part = "selftest"
  if (part == "core" && file ~ /\/psk_rekey\.o$/) part = "rekeying"
  if (part == "core" && file ~ /\/psk_session_key\.o$/) part = "sessionmode"
  if (part == "core" && file ~ /\/(vault|vault_successor|psk_bundle)\.o$/) part = "vault"
  if (part == "core") part = "sessions"
  if (output ~ /^\.(text|init|rodata|srodata|eh_frame|init_array|fini_array)/) flash[part] += size
  else if (output ~ /^\.(data|sdata|tdata)/) { flash[part] += size; ram[part] += size }
  else if (output ~ /^\.(bss|sbss|tbss|noinit)/) ram[part] += size
  else next
  of[part, file] += size
}
END {
  n = split("mbedtls sessions vault rekeying sessionmode selftest texts libc program", parts, " ")
  for (i = 1; i <= n; i++) printf "%s flash=%d ram=%d\n", parts[i], flash[parts[i]], ram[parts[i]]
  if (detail) for (key in of) { split(key, pair, SUBSEP); if (pair[1] == detail) printf "  %6d %s\n", of[key], pair[2] }
}
