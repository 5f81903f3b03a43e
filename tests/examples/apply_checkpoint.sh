#!/bin/sh
# Runs the example on a checkpoint of a run of seconds:  apply_checkpoint.sh CAMBER EXAMPLE
set -eu
camber=$1
example=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
fail() {
    echo "apply_checkpoint.sh: $1" >&2
    exit 1
}

"$camber" data synth --out "$work/scenes" --train 4 --val 2 --size 32x64
"$camber" train --data "$work/scenes" --out "$work/run" --device cpu --width 4 --size 32x64 --batch 2 --epochs 1
picture=$(find "$work/scenes/val" -name '*.png' | head -n 1)
said=$("$example" "$work/run/best.safetensors" "$picture" "$work/overlay.png")
echo "$said"
echo "$said" | grep -q '^unet on cpu, 32x64$' || fail "it does not say what it ran"
# Shares of the picture add up to all of it.
echo "$said" | awk '/%$/ { sum += $NF } END { exit sum < 99.5 || sum > 100.5 }' ||
    fail "the classes' shares do not add up"
[ -s "$work/overlay.png" ] || fail "there is no overlay"

! "$example" "$work/nothing.safetensors" "$picture" "$work/other.png" 2>"$work/error" ||
    fail "no checkpoint, yet exit code 0"
[ "$(wc -l <"$work/error")" -eq 1 ] || fail "an error is not one line: $(cat "$work/error")"
