#!/bin/sh
# Of every folder: formatting (clang-format), lines of at most 120 columns, shell scripts (shellcheck), the chart's
# figures, the layers of includes. clang's warnings and static checks (clang-tidy) of every folder's C++ but the tests';
# TIDY=all: of those too. BUILD: a configured build.
set -eu
build=${BUILD:-build}
failed=0
have() {
    command -v "$1" >/dev/null 2>&1 || {
        echo "lint: error: $1 is not installed" >&2
        failed=1
        return 1
    }
}

if have clang-format-14; then
    git ls-files -z '*.h' '*.c' '*.cpp' '*.cu' '*.def' | xargs -0 clang-format-14 --dry-run --Werror || failed=1
fi
# Not what other programs wrote.
if LC_ALL=C.UTF-8 git grep -nIE '^.{121,}' -- . ':!tests/fixtures' ':!tests/fuzz/corpus' ':!bench/results'; then
    echo "lint: error: these lines have more than 120 columns" >&2
    failed=1
fi
if have shellcheck; then
    git ls-files -z '*.sh' .ci/run | xargs -0 shellcheck || failed=1
fi
if have python3; then
    python3 tools/chart.py --check || failed=1
    python3 tools/check_layers.py || failed=1
fi
if have clang-tidy-16; then
    [ "${TIDY:-}" = all ] && but= || but="$PWD/tests/"
    # clang 16 has what libstdc++'s <source_location> needs, and does not say so.
    commands=$build/lint
    python3 tools/compiled_files.py "$build" "$commands/compile_commands.json" | grep -vE "^${but:-none}" |
        xargs -P "$(nproc)" -n 4 clang-tidy-16 -p "$commands" --quiet --warnings-as-errors='*' \
            --extra-arg=-D__cpp_consteval=201811L 2>/dev/null || failed=1
fi
[ "$failed" -eq 0 ] && echo "lint: clean"
exit "$failed"
