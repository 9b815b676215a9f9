#!/usr/bin/env bash
# allocations.sh OBJECT...: of psk_core only what opens a session or reads the vault allocates memory (mbedTLS does in its handshake).
set -eu
may='psk_core|psk_slot|psk_memory|vault'
objects=0 found=''
for object in "$@"; do
  name=$(basename "$object" .c.o)
  case $name in psk_*|vault) ;; *) continue ;; esac
  objects=$((objects + 1))
  if [[ $name =~ ^($may)$ ]]; then continue; fi
  wants=$(nm -u "$object" | awk '{ print $NF }' | grep -E '^(malloc|calloc|realloc|strdup|mbedtls_calloc|psk_calloc)(@.*)?$' || true)
  if [ -n "$wants" ]; then found+="$name: $wants"$'\n'; fi
done
if [ "$objects" -lt 12 ]; then echo "only $objects objects of psk_core given"; exit 1; fi
if [ -n "$found" ]; then printf 'allocates after the session is open:\n%s' "$found"; exit 1; fi
