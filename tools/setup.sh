#!/bin/sh
# Installs the Debian packages that a make target needs, if any is missing. Elsewhere it says what to install.
#   setup.sh build|lint|clang|docs|package|video
set -eu

case ${1:-build} in
build)
    packages="g++ cmake ninja-build libstb-dev doctest-dev libdnnl-dev libhdf5-dev libcli11-dev nlohmann-json3-dev"
    packages="$packages libfmt-dev libjpeg62-turbo-dev libpng-dev libtomlplusplus-dev libonnx-dev libprotobuf-dev"
    packages="$packages libopenmpi-dev openmpi-bin"
    ;;
lint) packages="clang-format-14 clang-tidy-16 libomp-16-dev shellcheck git python3" ;;
clang) packages="clang-16 libclang-rt-16-dev libomp-16-dev" ;;
docs) packages="doxygen" ;;
package) packages="dpkg-dev file" ;;
# Some seventy packages, which only videos need.
video) packages="libavformat-dev libavcodec-dev libswscale-dev libavutil-dev" ;;
*)
    echo "setup.sh: there is no '$1': build, lint, clang, docs, package or video" >&2
    exit 2
    ;;
esac

command -v dpkg-query >/dev/null 2>&1 || {
    echo "camber: this is not a Debian system; if something is missing, install the equivalents of: $packages" >&2
    exit 0
}
missing=""
for package in $packages; do
    dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q "ok installed" || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

if [ "$(id -u)" -eq 0 ]; then sudo=""; else sudo="sudo"; fi
echo "camber: installing$missing"
log=$(mktemp)
trap 'rm -f "$log"' EXIT
install() {
    # shellcheck disable=SC2086
    DEBIAN_FRONTEND=noninteractive $sudo apt-get install -y --no-install-recommends $missing >"$log" 2>&1
}
# The package lists may be absent or old: refresh them only when that is needed.
install || { $sudo apt-get update >"$log" 2>&1 && install; } || {
    tail -n 5 "$log" >&2
    echo "camber: error: these packages could not be installed:$missing" >&2
    exit 1
}
