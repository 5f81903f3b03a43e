#!/bin/sh
# Formatting (clang-format), shell scripts (shellcheck) and static checks (clang-tidy, on what it is configured for), each where installed.
set -eu
build=${BUILD:-build}
failed=0
files=$(git ls-files '*.h' '*.cpp' '*.cu' '*.cuh' '*.def')

if command -v clang-format >/dev/null 2>&1; then
    # shellcheck disable=SC2086
    clang-format --dry-run --Werror $files || failed=1
else
    echo "lint: clang-format is not installed; formatting was not checked"
fi
if command -v shellcheck >/dev/null 2>&1; then
    git ls-files '*.sh' .ci/run | xargs shellcheck || failed=1
else
    echo "lint: shellcheck is not installed; scripts were not checked"
fi
if command -v clang-tidy >/dev/null 2>&1; then
    git ls-files 'src/core/*.cpp' 'src/autograd/*.cpp' 'src/ops/*.cpp' 'src/train/*.cpp' |
        xargs -P "$(nproc)" -n 4 clang-tidy -p "$build" --quiet --warnings-as-errors='*' 2>/dev/null || failed=1
else
    echo "lint: clang-tidy is not installed; static checks were left out"
fi
[ "$failed" -eq 0 ] && echo "lint: clean"
exit "$failed"
