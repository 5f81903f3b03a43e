#!/bin/sh
# One process of two threads beside two processes of one thread each, by turns, on a machine with two cores that does
# nothing else: bench/distributed/run.sh [OPTIONS of bench_distributed]
set -eu
bench=${BUILD:-build}/bench_distributed
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
for round in 1 2 3; do
    echo "round $round"
    OMP_NUM_THREADS=2 OMP_WAIT_POLICY=passive "$bench" "$@"
    OMP_NUM_THREADS=1 OMP_WAIT_POLICY=passive mpirun -n 2 "$bench" "$@"
done
