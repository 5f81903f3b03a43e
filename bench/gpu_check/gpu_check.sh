#!/bin/sh
# Everything that only a GPU can show, in at most nine minutes: tests on the device, compute-sanitizer on the kernel tests, kernel timings,
# the training step beside PyTorch's, a CamVid training run. Needs only what it is given, so it can be carried to another machine:
#   gpu_check.sh BUILD DATASET OUT     BUILD: a build folder (see docs/gpu.md for a portable one); DATASET: CamVid's; OUT: results
# Figures go to OUT as JSON and logs; a short table comes last. Fails when a test or the sanitizer fails.
set -u
build=$1
dataset=$2
out=$3
here=$(cd "$(dirname "$0")" && pwd)
python=${PYTHON:-python3}
mkdir -p "$out"
failed=0
start=$(date +%s)
stage() { echo "== $* ($(($(date +%s) - start)) s)"; }

tests="backend ops nn nets optim train cudnn cublas"

stage "what is given"
missing() { echo "missing: $1" | tee -a "$out/missing.txt"; }
: >"$out/missing.txt"
for program in camber bench_kernels bench_step $(for test in $tests; do echo "tests/test_$test"; done); do
    [ -x "$build/$program" ] || missing "$build/$program, a program of the build"
done
[ -f "$dataset/train.txt" ] || missing "$dataset/train.txt: $dataset is not CamVid's folder, so nothing can be trained"
[ -d tests/fixtures ] || missing "tests/fixtures: tests that compare with other libraries fail unless this runs in the project's folder"
"$python" -c 'import sys' 2>/dev/null || missing "$python: no table at the end"
"$python" -c 'import torch' 2>/dev/null || missing "PyTorch for $python: nothing to compare the step with"
[ -x "$build/camber" ] || exit 2
"$build/camber" info >"$out/info.txt" 2>&1 || { cat "$out/info.txt"; exit 2; }
device=$(sed -n 's/^ *cuda  *//p' "$out/info.txt")
echo "cuda: $device"
case $device in
*multiprocessors*) ;;
*)
    missing "a GPU: ${device:-this build has no device cuda}"
    exit 2
    ;;
esac

# Only the GPU: the other devices were tested where this was built.
export CAMBER_TEST_DEVICES=cuda
stage "tests"
export CAMBER_CONV=own  # cuDNN would be timed anew at every one of the tests' hundreds of shapes
for test in $tests; do
    [ -x "$build/tests/test_$test" ] || continue
    result=pass
    timeout 90 "$build/tests/test_$test" >"$out/test_$test.log" 2>&1 || { result=FAIL; failed=1; }
    echo "$test $result" | tee -a "$out/tests.txt"
done

for library in cudnn cublas; do
    why=$(CAMBER_CONV=$library "$build/camber" info | sed -n 's/.*; \(.* cannot be used: .*\)/\1/p')
    if [ -n "$why" ]; then
        echo "convolutions through $library absent: $why" | tee -a "$out/tests.txt"
        continue
    fi
    result=pass
    CAMBER_CONV=$library timeout 90 "$build/tests/test_backend" -tc='convolutions as networks*,transposed*' >"$out/test_convolutions_$library.log" 2>&1 || { result=FAIL; failed=1; }
    echo "convolutions through $library $result" | tee -a "$out/tests.txt"
done

stage "compute-sanitizer"
sanitizer=$(command -v compute-sanitizer || echo /usr/local/cuda/bin/compute-sanitizer)
for tool in memcheck racecheck synccheck; do
    if [ ! -x "$sanitizer" ]; then
        echo "$tool absent" | tee -a "$out/sanitizer.txt"
        continue
    fi
    timeout 75 "$sanitizer" --tool "$tool" --error-exitcode 9 "$build/tests/test_backend" >"$out/$tool.log" 2>&1
    case $? in
    0) result=pass ;;
    124) result="no finding in 75 s" ;;
    *) result=FAIL failed=1 ;;
    esac
    echo "$tool $result" | tee -a "$out/sanitizer.txt"
done

stage "kernels"
"$build/bench_kernels" --device cuda --json "$out/kernels.json" >"$out/kernels.txt" 2>&1 || failed=1
CAMBER_CONV=cudnn "$build/bench_kernels" --device cuda --only conv --json "$out/kernels_cudnn.json" >"$out/kernels_cudnn.txt" 2>&1 || failed=1
unset CAMBER_CONV

stage "training step"
: >"$out/step.jsonl"
for batch in 16 32; do
    "$build/bench_step" --device cuda --dtype bf16 --batch "$batch" --steps 20 >>"$out/step.jsonl" 2>>"$out/step.log" || failed=1
    for variant in "" "--graph" "--compile"; do
        # shellcheck disable=SC2086
        timeout 90 "$python" "$here/../peers/unet_torch.py" --device cuda --dtype bf16 --batch "$batch" --steps 20 --channels-last $variant >>"$out/step.jsonl" 2>>"$out/step.log" ||
            echo "PyTorch ${variant:-eager} at batch $batch did not run" | tee -a "$out/step.log"
    done
done

stage "training"
left=$((530 - ($(date +%s) - start)))
if [ "$left" -gt 60 ]; then
    timeout "$left" "$build/camber" train --preset camvid-gpu --data "$dataset" --out "$out/run" --minutes "$(((left - 30) / 60))" --pictures 1 >"$out/train.log" 2>&1 || failed=1
fi

stage "results"
cat "$out/tests.txt" "$out/sanitizer.txt"
cat "$out/kernels.txt" "$out/kernels_cudnn.txt"
"$python" "$here/report.py" "$out"
exit "$failed"
