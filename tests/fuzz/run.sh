#!/bin/sh
# Runs every fuzz target for a while from its seeds; a finding ends it, and is kept as crash-* in the folder where it is
# run.
#   run.sh BUILD SECONDS     BUILD: made with the preset `clang`
set -eu
build=$1
seconds=$2
folder=$(dirname "$0")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

run() { # NAME SEED...
    name=$1
    shift
    mkdir "$work/$name"
    cp "$@" "$work/$name"
    echo "fuzz: $name, $seconds s from $# seeds"
    "$build/tests/fuzz/fuzz_$name" "$work/$name" -max_total_time="$seconds" -rss_limit_mb=1024 -timeout=10 \
        -print_final_stats=1 >"$work/log" 2>&1 || {
        tail -n 40 "$work/log" >&2
        echo "fuzz: error: $name has found something" >&2
        exit 1
    }
    grep -E '^stat::number_of_executed_units' "$work/log"
}

run torch_zip "$folder"/../fixtures/weights/*.pth
run torch_pickle "$folder"/corpus/pickle/*
run torch_stream "$folder"/corpus/torch_stream/*
run pt2 "$folder"/corpus/pt2/*
run onnx "$folder"/corpus/onnx/*
run keras "$folder"/../fixtures/weights/*.h5
run safetensors "$folder"/corpus/safetensors/*
run toml "$folder"/corpus/toml/*
