#!/bin/sh
# The shared library shows what its header declares, each with its version, and nothing else, and has its name.
#   exported_symbols.sh SOURCE LIBRARY
set -eu
source=$1
library=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

grep -o 'CAMBER_API [^;(]*(' "$source/include/camber.h" | grep -o 'camber_[a-z_]*($' | sed 's/($/@@CAMBER_1/' |
    sort >"$work/declared"
[ "$(wc -l <"$work/declared")" -ge 10 ] || {
    echo "exported_symbols.sh: camber.h seems to declare no more than $(wc -l <"$work/declared") functions" >&2
    exit 1
}
nm -D --defined-only "$library" | awk '$2 != "A" { print $3 }' | sort >"$work/shown"
diff "$work/declared" "$work/shown" || {
    echo "exported_symbols.sh: < declared in camber.h, > shown by $library" >&2
    exit 1
}
readelf -d "$library" | grep -q 'SONAME.*\[libcamber\.so\.1\]' || {
    echo "exported_symbols.sh: $library does not call itself libcamber.so.1" >&2
    exit 1
}
