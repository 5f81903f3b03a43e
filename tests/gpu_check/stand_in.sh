#!/bin/sh
# Stands in, under its name, for every program that gpu_check runs: prints at once what the program prints on a GPU,
# with numbers that the test knows. FAULT="WORDS=KIND": where the name and arguments hold WORDS it behaves badly
# instead. SECONDS_EACH: what every call takes.
name=$(basename "$0")
call="$name $*"

words=${FAULT%=*}
case ${FAULT:+x$call} in
x*"$words"*)
    case ${FAULT##*=} in
    hang) # prints half a line and does not want to end
        trap '' TERM
        printf '{"half": '
        while :; do sleep 5; done
        ;;
    crash) kill -SEGV $$ ;;
    garbage)
        printf '{"system": 7}\n{"matrix": []}\nnot json {\n\377\376\n{"mode": null}\n'
        exit 0
        ;;
    child) sleep 1000 & ;; # outlives its parent, unless that is seen to
    parent) sleep 1000 ;;  # a child that is waited for
    esac
    ;;
esac
[ -z "${SECONDS_EACH:-}" ] || sleep "$SECONDS_EACH"

option() { # the value of an option among the arguments
    wanted=$1
    shift
    while [ $# -gt 1 ]; do
        [ "$1" = "$wanted" ] && echo "$2" && return
        shift
    done
}

case $call in
"camber info"*)
    cat <<END
camber 0

devices
  cpu        a processor
  cuda       NVIDIA Stand-in, compute capability 9.0, 132 multiprocessors, 80 GiB; convolutions: \
cuDNN 9.19.0 (/a/libcudnn.so.9), cuBLAS 13.1.0 (/a/libcublasLt.so.13) or Camber's

libraries for cuda
  cuDNN 9.19.0 (/a/libcudnn.so.9)
  cuBLAS 13.1.0 (/a/libcublasLt.so.13)

threads    16 (OMP_NUM_THREADS)

networks
  unet
END
    ;;
"camber train"*)
    out=$(option --out "$@")
    mkdir -p "$out"
    echo '{}' >"$out/config.json"
    for epoch in 0 1 2; do
        echo "{\"epoch\": $epoch, \"seconds\": 40, \"elapsed\": $((40 * epoch + 41)), \"images_per_second\": 900, \
\"seconds_in\": {\"steps\": 30, \"validation\": 2, \"checkpoints\": 0.5}, \"val\": {\"mean_iou\": 0.7$epoch, \
\"pixel_accuracy\": 0.9}}" >>"$out/metrics.jsonl"
    done
    echo "trained"
    ;;
bench_step*--losses*) echo '{"losses": [2.4, 2.3, 2.2], "recorded": true}' ;;
bench_step*)
    # A choice, as the convolutions of a step leave them.
    folder=$CAMBER_CACHE/convolutions/stand-in
    mkdir -p "$folder"
    cat >"$folder/1.json" <<END
{"call": "response bf16 image [16, 16, 16, 64] filter f32 [64, 3, 3, 64] response [16, 16, 16, 64] stride 1x1 \
dilation 1x1 padding 1 1 1 1 bias; deterministic auto",
 "library": "cudnn", "plan": "plain with bias: engine 51", "saved": "{}", "milliseconds": 0.05, "error": 0.001,
 "own_milliseconds": 0.2, "planning_seconds": 0.7,
 "tried": [{"library": "cudnn", "plan": "plain: engine 5", "milliseconds": 0.06, "error": 0.001, "outcome": "slower"},
           {"library": "cudnn", "plan": "plain with bias: engine 51", "milliseconds": 0.05, "error": 0.001,
            "outcome": "chosen"},
           {"library": "cudnn", "plan": "plain: engine 9", "milliseconds": null, "error": 2.0,
            "outcome": "differs from Camber's kernel"}]}
END
    common='"net": "unet", "options": {}, "batch": 16, "size": 256, "first_step_seconds": 9, "peak_tensors_mib": 5000'
    common="$common, \"reserved_mib\": 6000"
    echo "{\"median_seconds\": 0.02, \"p90_seconds\": 0.021, \"recorded\": false, $common}"
    echo "{\"median_seconds\": 0.013, \"p90_seconds\": 0.0131, \"recorded\": true, \
\"unrecorded_median_seconds\": 0.02, \"replay_equals_unrecorded\": true, \"primitive_seconds\": 0.0128, \
\"primitives\": {\"conv2d\": {\"milliseconds\": 12.8, \"calls\": 19}}, $common}"
    ;;
"camber bench primitives"*--rates*)
    echo '{"copy_bytes_per_second": 3e12}'
    for name in bf16 tf32 f32; do echo "{\"matrix\": \"$name\", \"operations_per_second\": 8e14}"; done
    ;;
"camber bench primitives"*)
    echo '{"primitive": "relu", "dtype": "bf16", "milliseconds": 0.1, "operations": 0, "share_of_copy_bandwidth": 0.95}'
    echo '{"primitive": "conv2d 3x3", "dtype": "bf16", "milliseconds": 0.2, "operations": 1e11,' \
        '"share_of_copy_bandwidth": 0.4}'
    ;;
test_*-ltc*)
    echo '<doctest>'
    echo '  <TestCase name="one &lt;1&gt;" filename="a" line="1" skipped="false"/>'
    echo '  <TestCase name="two, and more" filename="a" line="2" skipped="false"/>'
    ;;
test_*)
    first=$(echo "$*" | sed -n 's/.*-f=\([0-9]*\).*/\1/p')
    last=$(echo "$*" | sed -n 's/.*-l=\([0-9]*\).*/\1/p')
    failed=0
    for i in $(seq "${first:-1}" "${last:-1}"); do
        case $i in 1) title='one &lt;1&gt;' ;; *) title='two, and more' ;; esac
        echo "    <TestCase name=\"$title\" filename=\"a\" line=\"$i\">"
        # "FAILS=backend": its second case fails, and where each launch is waited for says in which kernel.
        if [ "$i" = 2 ] && [ "$name" = "test_${FAILS:-}" ]; then
            failed=1
            echo '      <Exception crash="false">'
            echo "        an illegal address${CAMBER_CHECK:+ in the kernel 'pool'}"
            echo '      </Exception>'
            echo '      <OverallResultsAsserts successes="0" failures="1" test_case_success="false" duration="0.1"/>'
        else
            echo '      <OverallResultsAsserts successes="1" failures="0" test_case_success="true" duration="0.1"/>'
        fi
        echo '    </TestCase>'
    done
    exit "$failed"
    ;;
compute-sanitizer*) printf '========= COMPUTE-SANITIZER\n========= ERROR SUMMARY: 0 errors\n' ;;
"python3 -c"*) echo '{"version": "2.11.0", "gpu": true}' ;;
python3*step_torch.py*)
    dtype=$(option --dtype "$@")
    for mode in $(echo "$*" | sed 's/.*--variant //'); do
        echo "{\"net\": \"unet\", \"mode\": \"$mode\", \"variant\": \"$mode, channels_last\", \"version\": \"2.11.0\", \
\"dtype\": \"$dtype\", \"batch\": 16, \"median_seconds\": 0.0156, \"p90_seconds\": 0.016, \
\"peak_tensors_mib\": 10000, \"reserved_mib\": 12000, \"kernels\": 300, \"kernel_milliseconds\": 15.1, \
\"longest_kernels\": [{\"milliseconds\": 1.5, \"calls\": 2, \"name\": \"a_kernel\"}]}"
    done
    ;;
*)
    echo "no stand-in for: $call" >&2
    exit 3
    ;;
esac
