#!/bin/sh
# Installs the build into a folder of its own and builds the program of examples/program against it, as a user would who
# has nothing else of Camber's. The README shows that very program.
#   outside.sh SOURCE BUILD [FLAGS]     FLAGS: for compiler and linker, as a sanitized library needs them
set -eu
source=$1
build=$2
flags=${3:-}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
fail() {
    echo "outside.sh: $1" >&2
    exit 1
}

# shellcheck disable=SC2016
sed -n '/^```cpp$/,/^```$/p' "$source/README.md" | sed '1d;$d' | diff - "$source/examples/program/main.cpp" ||
    fail "the README's program is not examples/program/main.cpp"

cmake --install "$build" --prefix "$work/usr" >"$work/log" || fail "it cannot be installed: $(tail -n 3 "$work/log")"
PATH="$work/usr/bin:$PATH" camber --version || fail "the installed command does not run"
gzip -dc "$work"/usr/share/man/man1/camber.1.gz | grep -q '^\.SH "camber data synth"' ||
    fail "the manual page lacks a command"

cp -r "$source/examples/program" "$work/program"
cmake -S "$work/program" -B "$work/build" -DCMAKE_PREFIX_PATH="$work/usr" -DCMAKE_CXX_FLAGS="$flags"
cmake --build "$work/build"
cd "$work"
build/program | tee losses
awk '{ loss[NR] = $4 } END { exit NR != 5 || !(loss[5] < loss[1]) }' losses || fail "the program has not learnt"
