#!/usr/bin/env bash
# compile.sh COMPILER SOURCE OBJECT, with the flags of $CODE and those that some files of mbedTLS want
set -eu
extra=()
case $(basename "$2") in
  ssl_tls13_generic.c) [[ $CODE == *NO_FORCED* ]] || extra=(-include psk_limit_forced.h) ;;
  ssl_tls13_keys.c) [[ $CODE == *NO_FORCED* ]] || extra=(-include psk_binder_forced.h) ;;
esac
# shellcheck disable=SC2086
exec "$1" $CODE -MD "${extra[@]}" -c "$2" -o "$3"
