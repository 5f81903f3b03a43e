#!/bin/sh
# Fails unless a program needs nothing but the C library, and runs:  check_portable.sh PROGRAM
set -eu
! readelf -d "$1" | grep NEEDED | grep -vE '\[(lib(c|m|dl|rt|pthread)\.so|ld-linux)' || {
    echo "check_portable.sh: $1 needs the libraries above" >&2
    exit 1
}
"$1" info >/dev/null
