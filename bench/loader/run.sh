#!/bin/sh
# Camber's loader beside PyTorch's with Pillow, on the same frames and cores, alternating. Needs PyTorch and Pillow:
# PYTHON names an interpreter that has them [python3]. ROUNDS: how often each is run [2]. FRAMES: of 360x480 [200].
set -eu
build=${BUILD:-build}
rounds=${ROUNDS:-2}
python=${PYTHON:-python3}
threads=$(nproc)
data=$build/bench_loader_data
if [ ! -d "$data/jpeg" ]; then
    "$build/camber" data synth --out "$data/png" --train "${FRAMES:-200}" --val 8 --size 360x480 >&2
    "$python" bench/loader/jpeg_copy.py "$data/png" "$data/jpeg"
fi
round=1
while [ "$round" -le "$rounds" ]; do
    for format in jpeg png; do
        for workers in 1 "$threads"; do
            for kept in "" "--cache-memory 0"; do
                printf '%s, %s worker(s): ' "$format" "$workers"
                # shellcheck disable=SC2086
                "$build/bench_loader" --data "$data/$format" --threads "$workers" $kept
            done
            printf '%s, %s worker(s): ' "$format" "$workers"
            "$python" bench/peers/loader_torch.py --data "$data/$format" --threads "$workers" --pictures 1000
        done
    done
    round=$((round + 1))
done
