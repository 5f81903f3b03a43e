#!/bin/sh
# Tries Camber in an empty Debian system of its own, made by debootstrap, as someone would who has nothing else.
#   debian.sh packages FOLDER     the .deb files in FOLDER (make package): the command trains, its manual page opens,
#                                 and the programs of examples, in C too, build against the libraries
#   debian.sh readme [TARGET...]  the README's lines from a fresh clone [make train, make test]
# Needs root, debootstrap and a network; packages come from where this machine's apt has them. ROOT: the system's
# folder, kept [a temporary one].
set -eu
fail() {
    echo "debian.sh: $1" >&2
    exit 1
}
mode=${1:-}
[ "$mode" = packages ] || [ "$mode" = readme ] || fail "what to try: packages FOLDER, or readme"
shift
[ "$(id -u)" -eq 0 ] || fail "only root can make a system of its own"
command -v debootstrap >/dev/null || fail "debootstrap is needed (apt-get install debootstrap)"
project=$(cd "$(dirname "$0")/../.." && pwd)

# shellcheck source=/dev/null
codename=$(. /etc/os-release && echo "$VERSION_CODENAME")
mirror=$(apt-get indextargets --format "\$(REPO_URI) \$(CODENAME)" "Created-By: Packages" "Origin: Debian" |
    awk -v name="$codename" '$2 == name { print $1; exit }')
[ -n "$mirror" ] || fail "apt has no Debian packages of $codename (apt-get update)"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
root=${ROOT:-$work/root}
if [ ! -d "$root/usr" ]; then
    echo "debian.sh: making a system of $codename"
    debootstrap --variant=minbase "$codename" "$root" "$mirror" >"$work/log" 2>&1 ||
        fail "debootstrap: $(tail -n 1 "$work/log")"
fi
cp /etc/resolv.conf /etc/hosts "$root/etc/"
apt-config dump | grep -i '::proxy' >"$root/etc/apt/apt.conf.d/99proxy" || true
echo 'APT::Install-Recommends "false";' >>"$root/etc/apt/apt.conf.d/99proxy"

inside() { # the command line as root types it there
    echo "# $1"
    unshare --mount --pid --fork chroot "$root" /usr/bin/env -i HOME=/root DEBIAN_FRONTEND=noninteractive \
        PATH=/usr/sbin:/usr/bin:/sbin:/bin sh -c "mount -t proc proc /proc && cd /root && $1"
}
quietly() {
    inside "$1" >"$work/log" 2>&1 || {
        tail -n 20 "$work/log" >&2
        fail "failed: $1"
    }
}

if [ "$mode" = readme ]; then
    [ $# -gt 0 ] || set -- train test
    quietly "$(grep -o -m 1 '^apt-get update && apt-get install -y [a-z -]*[a-z]' "$project/README.md")"
    git -C "$project" bundle create -q "$root/root/camber.bundle" HEAD
    inside "git clone -q camber.bundle camber"
    for target in "$@"; do
        inside "cd camber && make $target"
    done
    echo "debian.sh: the README's lines hold: make $*"
    exit 0
fi

folder=${1:?the folder of the .deb files}
mkdir -p "$root/root/packages"
cp "$folder"/*.deb "$root/root/packages/"
quietly "apt-get update"

quietly "apt-get install -y ./packages/camber_*.deb"
inside "camber --version"
quietly "camber data synth --out scenes --train 8 --val 4 --size 64x96"
inside "camber train --data scenes --out run --size 64x96 --width 8 --batch 4 --epochs 2"
inside "camber predict --checkpoint run/best.safetensors --out out scenes/val && ls out | head -n 3"
quietly "apt-get install -y man-db"
inside "man camber | head -n 6"

quietly "apt-get install -y ./packages/libcamber1_*.deb ./packages/libcamber-dev_*.deb g++ cmake make pkg-config"
inside "grep '^libcamber 1 libcamber1 (>= ' /var/lib/dpkg/info/libcamber1*.shlibs"
quietly "cp -r /usr/share/doc/libcamber-dev/examples/program . && cmake -S program -B build && cmake --build build"
inside "build/program"
quietly "cc -o judge /usr/share/doc/libcamber-dev/examples/judge_picture.c \$(pkg-config --cflags --libs camber)"
inside "./judge run/best.safetensors \$(find scenes/val -name '*.png' | head -n 1) painted.png"
echo "debian.sh: command, manual page and libraries work"
