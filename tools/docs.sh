#!/bin/sh
# Writes the library's reference into BUILD/docs/html [build]; fails on Doxygen's warnings.
set -eu
output=${BUILD:-build}/docs
mkdir -p "$output"
version=$(sed -n 's/^project(camber VERSION \([0-9.]*\).*/\1/p' CMakeLists.txt)
printf '%s\nOUTPUT_DIRECTORY = %s\nPROJECT_NUMBER = %s\n' "$(cat docs/Doxyfile)" "$output" "$version" | doxygen -
echo "docs: $output/html/index.html"
