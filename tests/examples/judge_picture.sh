#!/bin/sh
# Runs the examples of the shared library on a checkpoint of a run of seconds, and compares them with the command:
#   judge_picture.sh CAMBER EXAMPLE
set -eu
camber=$1
example=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
fail() {
    echo "judge_picture.sh: $1" >&2
    exit 1
}

"$camber" data synth --out "$work/scenes" --train 4 --val 2 --size 32x64
"$camber" train --data "$work/scenes" --out "$work/run" --device cpu --width 4 --size 32x64 --batch 2 --epochs 1
best=$work/run/best.safetensors
picture=$(find "$work/scenes/val" -name '*.png' | head -n 1)
said=$("$example" "$best" "$picture" "$work/painted.png")
echo "$said"
echo "$said" | grep -q '^unet on cpu, 32x64, 11 classes$' || fail "it does not say what it ran"
echo "$said" | awk '/%$/ { sum += $NF } END { exit sum < 99.5 || sum > 100.5 }' ||
    fail "the classes' shares do not add up"
"$camber" predict --checkpoint "$best" --write colours --out "$work/out" "$picture"
cmp "$work"/out/*_colours.png "$work/painted.png" || fail "it is not what camber predict paints"

head -c 20000 "$best" >"$work/cut.safetensors"
for wrong in "$work/nothing.safetensors" "$work/cut.safetensors" "$picture"; do
    ! "$example" "$wrong" "$picture" "$work/other.png" 2>"$work/error" || fail "$wrong was taken for a checkpoint"
    [ "$(wc -l <"$work/error")" -eq 1 ] || fail "an error is not one line: $(cat "$work/error")"
    [ ! -e "$work/other.png" ] || fail "something was written of $wrong"
done
