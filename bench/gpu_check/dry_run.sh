#!/bin/sh
# Tries the very folder that is carried to a GPU's machine, with the very command, in a root of its own that has only
# what such a machine has: Debian's base system with Python, and a virtual environment, not active, in which NVIDIA's
# packages lie as PyTorch lays them out. No compiler, no doctest, stb, oneDNN, HDF5, no apt. All but the GPU must be
# found, in the libraries' case in that environment, and on the emulated device the command must run to its end.
#   dry_run.sh FOLDER ROOT     FOLDER: what pack.py made; ROOT: made by debootstrap, unless this script made it
#                              before. Needs root.
# PACKAGES: a site-packages/nvidia folder to lay out there instead of stand-ins for cuDNN and cuBLAS.
set -eu
folder=$1
root=$2
fail() {
    echo "dry_run.sh: $1" >&2
    exit 1
}
[ "$(id -u)" -eq 0 ] || fail "only root can make a root of its own"
[ -f "$folder/programs.tar.xz" ] || fail "$folder holds no programs.tar.xz: make it with pack.py"
mark=$root/.gpu_check
if [ ! -e "$root" ]; then
    command -v debootstrap >/dev/null || fail "debootstrap is needed (apt-get install debootstrap)"
    debootstrap --variant=minbase --include=python3 bookworm "$root" >"$root.log" 2>&1 ||
        fail "debootstrap failed: $(tail -n 1 "$root.log")"
    touch "$mark"
fi
# What follows removes apt from it, and files.
[ -f "$mark" ] || fail "$root was not made by this script"
rm -rf "$root"/usr/bin/apt* "$root"/var/lib/apt/lists

inside() { # the command line as a user would type it there
    unshare --mount --pid --fork chroot "$root" /usr/bin/env -i HOME=/root PATH=/opt/torch/.venv/bin:/usr/bin:/bin \
        sh -c "mount -t proc proc /proc && cd /root/camber-gpu-check && $1"
}

packages=$root/opt/torch/.venv/lib/python3.11/site-packages
rm -rf "$root/opt/torch" "$root/root/camber-gpu-check" "$root/root/out" "$root/root/tiny" "$root/root/scenes"
mkdir -p "$root/opt/torch" "$root/root" "$root/usr/local/cuda/bin"
cp -r "$folder" "$root/root/camber-gpu-check"
inside "python3 -m venv --without-pip /opt/torch/.venv"
mkdir -p "$packages/torch" "$packages/torch-0.stand.in.dist-info"
echo 'raise ImportError("a stand-in for PyTorch, which computes nothing")' >"$packages/torch/__init__.py"
printf 'Metadata-Version: 2.1\nName: torch\nVersion: 0.stand.in\n' >"$packages/torch-0.stand.in.dist-info/METADATA"
# Runs the program and finds nothing.
cat >"$root/usr/local/cuda/bin/compute-sanitizer" <<'END'
#!/bin/sh
while [ "${1#*test_}" = "$1" ]; do shift; done
"$@" && echo "========= ERROR SUMMARY: 0 errors (a stand-in)"
END
chmod +x "$root/usr/local/cuda/bin/compute-sanitizer"
if [ -n "${PACKAGES:-}" ]; then
    cp -r "$PACKAGES" "$packages/nvidia"
else
    mkdir -p "$packages/nvidia/cudnn/lib" "$packages/nvidia/cu13/lib"
    tar -xJf "$folder/programs.tar.xz" -C "$root/tmp" build/tests
    cp "$root/tmp/build/tests/libtest_host_cublas.so" "$packages/nvidia/cu13/lib/libcublasLt.so.13"
    cp "$root/tmp/build/tests/libtest_old_cudnn.so" "$packages/nvidia/cudnn/lib/libcudnn.so.9"
    rm -rf "$root/tmp/build"
fi

for missing in g++ cc nvcc cmake apt-get; do
    ! inside "command -v $missing" >/dev/null || fail "$root has $missing, which a GPU's machine need not have"
done

echo "--- as on a machine with a GPU: all but the GPU is found, and what is not is said"
code=0
inside "python3 bench/gpu_check --out /root/out" || code=$?
[ "$code" -eq 2 ] || fail "without a GPU its exit code was $code, not 2"
said=$root/root/out/table.txt
for library in cudnn/lib/libcudnn.so.9 cu13/lib/libcublasLt.so.13; do
    grep -q "/opt/torch/.venv/lib/python3.11/site-packages/nvidia/$library" "$said" ||
        fail "$library was not found in the environment"
done
# The stand-in for cuDNN is found, but is an old one.
missing=$(grep '^  missing: ' "$said" | grep -v -e 'missing: a GPU: ' -e 'older than the .* that Camber needs' || true)
[ -z "$missing" ] || fail "not found:
$missing"

echo "--- on the emulated device, tiny: it runs to its end"
rm -r "$packages/torch" "$packages/torch-0.stand.in.dist-info"
inside "build=\$(mktemp -d) && python3 -c \"import tarfile; tarfile.open('programs.tar.xz').extractall('\$build')\" &&
    \$build/build/camber data synth --out /root/scenes --train 4 --val 2 --size 32x64 >/dev/null &&
    python3 bench/gpu_check --out /root/tiny --device emulated --tiny --data /root/scenes" ||
    fail "on the emulated device its exit code was $?"
ls -l "$root/root/tiny"
