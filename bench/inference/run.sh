#!/bin/sh
# Camber's inference beside ONNX Runtime's, OpenVINO's and PyTorch's on the CPU: same network, same threads, one picture
# of 256x256, alternating in one run; ends with a table. The peers come from PyPI into .cache/bench-inference (a few GB
# once) unless PYTHON names an interpreter that has them. NETS, DTYPES, ROUNDS [3], RUNS [20], THREADS [all].
set -eu
build=${BUILD:-build}
python=${PYTHON:-.cache/bench-inference/bin/python}
if [ ! -x "$python" ] && ! command -v "$python" >/dev/null 2>&1; then
    echo "bench: installing ONNX Runtime, OpenVINO and PyTorch into .cache/bench-inference"
    python3 -m venv .cache/bench-inference
    .cache/bench-inference/bin/pip install --quiet numpy onnx onnxruntime openvino torch torchvision \
        segmentation-models-pytorch fastai
fi
nets=${NETS:-"unet smp-unet-vgg16-bn smp-unet-vgg16 smp-unet-resnet34 dynamic-unet-resnet34 unet-resnet34 unet-vgg16
    deeplabv3-resnet50 deeplabv3-resnet101"}
threads=${THREADS:-$(nproc)}
export OMP_NUM_THREADS="$threads"
results=$build/bench_inference.jsonl
models=$build/inference_models
mkdir -p "$models"
: >"$results"
for net in $nets; do
    [ -e "$models/$net.onnx" ] && continue
    "$build/bench_inference" --net "$net" --save "$models/$net.safetensors"
    "$build/camber" export --checkpoint "$models/$net.safetensors" --out "$models/$net.onnx"
    rm "$models/$net.safetensors"
done
peer() {
    "$python" bench/peers/inference_peers.py "$@" --net "$net" --dtype "$dtype" --runs "${RUNS:-20}" \
        --threads "$threads" 2>/dev/null >>"$results" || echo "bench: $net, $dtype: not by $2" >&2
}
for round in $(seq "${ROUNDS:-3}"); do
    for net in $nets; do
        for dtype in ${DTYPES:-f32 bf16}; do
            echo "bench: round $round, $net, $dtype" >&2
            "$build/bench_inference" --net "$net" --dtype "$dtype" --runs "${RUNS:-20}" >>"$results"
            peer --system onnxruntime --model "$models/$net.onnx"
            peer --system openvino --model "$models/$net.onnx"
            peer --system pytorch
            peer --system pytorch --variant compile
        done
    done
done
"$python" bench/inference/report.py "$results"
