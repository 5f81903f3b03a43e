#!/bin/sh
# Packs what gpu_check.sh needs into one archive, to be carried to a machine with a GPU:
#   pack.sh BUILD DATASET ARCHIVE.tar.xz     BUILD: a portable build (docs/gpu.md); run in the project's folder
# There: tar -xJf ARCHIVE.tar.xz && cd camber-gpu-check && bench/gpu_check/gpu_check.sh build camvid results
set -eu
build=$1
dataset=$2
archive=$3
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
root=$folder/camber-gpu-check
mkdir -p "$root/build/tests" "$root/tests" "$root/data"
for program in camber bench_kernels bench_step tests/test_backend tests/test_ops tests/test_nn tests/test_nets tests/test_optim tests/test_train tests/test_cudnn tests/test_cublas; do
    if [ -x "$build/$program" ]; then
        strip -o "$root/build/$program" "$build/$program"
    else
        echo "left out: $build/$program is not built" >&2
    fi
done
for library in "$build"/tests/lib*.so; do
    [ -e "$library" ] && cp "$library" "$root/build/tests/"
done
cp -r bench "$root/"
cp -r tests/fixtures "$root/tests/"
cp data/camvid11.json "$root/data/"
cp -rL "$dataset" "$root/camvid"
# The programs have most of their code in common, which a dictionary of this size finds.
tar -C "$folder" -cf - camber-gpu-check | xz --lzma2=preset=1,dict=64MiB >"$archive"
ls -l "$archive"
