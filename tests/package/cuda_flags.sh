#!/bin/sh
# CUDA must not show in the flags of files that have nothing to do with it.
#   cuda_flags.sh SOURCE BUILD INCLUDE...     INCLUDE: CUDA's headers
set -eu
source=$1
build=$2
shift 2
commands=$(grep '"command":' "$build/compile_commands.json" | grep -E -- "-o CMakeFiles/camber(_[a-z]+)?\.dir/" |
    grep -E -- "-c $source/(src|nets)/" | grep -v -- "/registry.cpp")
[ -n "$commands" ] || {
    echo "cuda_flags.sh: $build/compile_commands.json names no file of src" >&2
    exit 1
}
for include in "$@" CAMBER_WITH_CU; do
    ! echo "$commands" | grep -F -- "$include" || {
        echo "cuda_flags.sh: $include is in the flags above: these files are compiled again when CUDA is turned on" >&2
        exit 1
    }
done
