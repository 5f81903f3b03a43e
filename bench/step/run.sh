#!/bin/sh
# Camber's training steps beside PyTorch's on the CPU, alternating in one run; ends with a table. PyTorch and the
# libraries that the networks come from are installed from PyPI into .cache/bench (a few GB once) unless PYTHON names an
# interpreter that has them. NETS: NAME[,OPTION=VALUE][@SIZE] ... [every network]; DTYPES [f32 bf16]; ROUNDS: how often
# each is run [2]; STEPS: timed steps a run [4].
set -eu
build=${BUILD:-build}
rounds=${ROUNDS:-2}
steps=${STEPS:-4}
nets=${NETS:-"unet unet,width=16@224 smp-unet-vgg16-bn smp-unet-vgg16 smp-unet-resnet34 dynamic-unet-resnet34
    deeplabv3-resnet50"}
python=${PYTHON:-.cache/bench/bin/python}
if [ ! -x "$python" ] && ! command -v "$python" >/dev/null 2>&1; then
    echo "bench: installing PyTorch and the networks' libraries into .cache/bench"
    python3 -m venv .cache/bench
    .cache/bench/bin/pip install --quiet torch torchvision segmentation-models-pytorch fastai numpy
fi
threads=$(nproc)
export OMP_NUM_THREADS="$threads"
results=$build/bench_step.jsonl
: >"$results"
for round in $(seq "$rounds"); do
    for entry in $nets; do
        size=256
        case $entry in *@*) size=${entry#*@} ;; esac
        entry=${entry%@*}
        net=${entry%%,*}
        # "--set OPTION=VALUE" for each.
        set -- --net "$net" --size "$size" --steps "$steps"
        for option in $(echo "${entry#"$net"}" | tr ',' ' '); do set -- "$@" --set "$option"; done
        for dtype in ${DTYPES:-f32 bf16}; do
            echo "bench: round $round of $rounds, $entry, $dtype" >&2
            "$build/bench_step" "$@" --dtype "$dtype" >>"$results"
            for variant in eager compile; do
                "$python" bench/peers/step_torch.py "$@" --dtype "$dtype" --threads "$threads" --channels-last \
                    --variant "$variant" 2>/dev/null >>"$results" ||
                    echo "bench: PyTorch, $variant: $entry in $dtype did not run" >&2
            done
        done
    done
done
"$python" bench/step/report.py "$results"
