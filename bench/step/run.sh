#!/bin/sh
# Camber's training step beside PyTorch's, alternating in one run; ends with a table. PyTorch comes from PyPI into
# .cache/bench (a few GB once) unless PYTHON names an interpreter that has it. ROUNDS: how often each is run [2].
# STEPS: timed steps a run [4].
set -eu
build=${BUILD:-build}
rounds=${ROUNDS:-2}
steps=${STEPS:-4}
python=${PYTHON:-.cache/bench/bin/python}
if [ ! -x "$python" ] && ! command -v "$python" >/dev/null 2>&1; then
    echo "bench: installing PyTorch into .cache/bench"
    python3 -m venv .cache/bench
    .cache/bench/bin/pip install --quiet torch numpy
fi
threads=$(nproc)
export OMP_NUM_THREADS="$threads"
results=$build/bench_step.jsonl
: >"$results"
round=1
while [ "$round" -le "$rounds" ]; do
    for dtype in f32 bf16; do
        echo "bench: round $round of $rounds, $dtype" >&2
        "$build/bench_step" --dtype "$dtype" --steps "$steps" >>"$results"
        for variant in "--channels-last" "" "--channels-last --variant compile"; do
            # shellcheck disable=SC2086
            "$python" bench/peers/step_torch.py --dtype "$dtype" --steps "$steps" --threads "$threads" $variant \
                2>/dev/null >>"$results" ||
                echo "bench: PyTorch ${variant:-contiguous} $dtype did not run" >&2
        done
    done
    round=$((round + 1))
done
"$python" bench/step/report.py "$results"
