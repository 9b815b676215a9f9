#!/usr/bin/env bash
# symbols.sh LIBRARY: it exports its own API and nothing of mbedTLS, and asks for no clock and no locale-bound output.
set -eu
exported=$(nm -D --defined-only "$1" | awk '{ print $NF }' | sed 's/@.*//' | grep -v '^IOTPSK' || true)
foreign=$(grep -v '^iotpsk_' <<<"$exported" || true)
if [ -n "$foreign" ]; then echo "exported besides iotpsk_*: $foreign"; exit 1; fi
if [ "$(grep -c '^iotpsk_' <<<"$exported")" -lt 20 ]; then echo "functions of the API are missing: $exported"; exit 1; fi
clocks=$(nm -D --undefined-only "$1" | awk '{ print $NF }' | sed 's/@.*//' |
  grep -E '^(time|times|clock|clock_gettime|gettimeofday|gmtime(_r)?|localtime(_r)?|mktime|ftime|timespec_get)$' || true)
if [ -n "$clocks" ]; then echo "uses a clock: $clocks"; exit 1; fi
