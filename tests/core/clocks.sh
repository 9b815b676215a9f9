#!/usr/bin/env bash
# clocks.sh OBJECT...: none of the object files asks for the time of day or for a way to wait, nor brings such a function along.
set -eu
names='time|times|clock|clock_gettime|clock_getres|gettimeofday|gmtime(_r)?|localtime(_r)?|mktime|timegm|asctime(_r)?|ctime(_r)?|strftime'
names+='|difftime|ftime|timespec_get|nanosleep|usleep|sleep|mbedtls_(time|ms_time|platform_gmtime_r|timing_[a-z_]*)'
if [ $# -lt 40 ]; then echo "only $# objects given: is mbedTLS among them?"; exit 1; fi
found=$(nm -A "$@" | awk '{ print $1, $NF }' | sed 's/@.*//' | grep -E "[: ]($names)\$" || true)
if [ -n "$found" ]; then printf 'knows the time:\n%s\n' "$found"; exit 1; fi
