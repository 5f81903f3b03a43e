#!/bin/sh
# Installs the build into a folder of its own and builds the example in C against it twice, by pkg-config and by CMake,
# in a project that knows no C++, as a user would who has nothing else of Camber's.
#   outside_c.sh SOURCE BUILD [FLAGS]     FLAGS: for compiler and linker, as a sanitized library needs them
set -eu
source=$1
build=$2
flags=${3:-}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
fail() {
    echo "outside_c.sh: $1" >&2
    exit 1
}

cmake --install "$build" --prefix "$work/usr" >"$work/log" || fail "it cannot be installed: $(tail -n 3 "$work/log")"
cp "$source/examples/judge_picture.c" "$work"
cat >"$work/CMakeLists.txt" <<'END'
cmake_minimum_required(VERSION 3.16)
project(judge_picture C)
find_package(Camber REQUIRED COMPONENTS c)
add_executable(judge_picture judge_picture.c)
target_link_libraries(judge_picture PRIVATE Camber::c)
END
cmake -S "$work" -B "$work/build" -DCMAKE_PREFIX_PATH="$work/usr" -DCMAKE_C_FLAGS="$flags" >"$work/log" ||
    fail "CMake does not find the library: $(tail -n 5 "$work/log")"
cmake --build "$work/build"
set -- "$work/build/judge_picture"
if command -v pkg-config >/dev/null; then
    PKG_CONFIG_PATH=$(dirname "$(find "$work/usr" -name camber.pc)")
    export PKG_CONFIG_PATH
    # shellcheck disable=SC2046,SC2086
    cc $flags -std=c99 -o "$work/by_pkg_config" "$work/judge_picture.c" $(pkg-config --cflags --libs camber)
    LD_LIBRARY_PATH=$(pkg-config --variable=libdir camber)
    export LD_LIBRARY_PATH
    set -- "$@" "$work/by_pkg_config"
else
    echo "outside_c.sh: there is no pkg-config: camber.pc is not tried"
fi
for program in "$@"; do
    sh "$source/tests/examples/judge_picture.sh" "$work/usr/bin/camber" "$program"
done

# The program of docs/library.md.
# shellcheck disable=SC2016
sed -n '/^```c$/,/^```$/p' "$source/docs/library.md" | sed '1d;$d' >"$work/label.c"
library=$(dirname "$(find "$work/usr" -name libcamber.so)")
# shellcheck disable=SC2086
cc $flags -o "$work/label" "$work/label.c" -I"$work/usr/include" -L"$library" -lcamber
camber=$work/usr/bin/camber
"$camber" data synth --out "$work/scenes" --train 4 --val 1 --size 32x64
"$camber" train --data "$work/scenes" --out "$work/run" --device cpu --width 4 --size 32x64 --batch 2 --epochs 1
picture=$(find "$work/scenes/val" -name '*.png' | head -n 1)
LD_LIBRARY_PATH=$library "$work/label" "$work/run/best.safetensors" "$picture" "$work/labels.png"
"$camber" predict --checkpoint "$work/run/best.safetensors" --write labels --out "$work/out" "$picture"
cmp "$work"/out/*_labels.png "$work/labels.png" || fail "the program of docs/library.md gives another label map"
