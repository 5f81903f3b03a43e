#!/bin/sh
# Fetches pretrained weights from their publishers: get_weights.sh NAME [FOLDER]; without NAME it lists what there is.
# They go into data/weights, or FOLDER, under the publisher's file name. For camber import and --encoder-weights.
#
# The checks: torchvision's file names carry the first eight digits of the file's SHA-256; Keras and
# classification_models publish an MD5. A file that is there already is checked and kept.
set -eu

PYTORCH=${PYTORCH_WEIGHTS:-https://download.pytorch.org/models}
KERAS=${KERAS_WEIGHTS:-https://storage.googleapis.com/tensorflow/keras-applications}
QUBVEL=https://github.com/qubvel
CLASSIFICATION_MODELS=${CLASSIFICATION_MODELS_WEIGHTS:-$QUBVEL/classification_models/releases/download/0.0.1}

# NAME, address, checksum ("name": the file's own name has it), what it is
table() {
    vgg16=$KERAS/vgg16/vgg16_weights_tf_dim_ordering_tf_kernels
    resnet34=$CLASSIFICATION_MODELS/resnet34_imagenet_1000
    cat <<END
resnet34 $PYTORCH/resnet34-b627a593.pth name torchvision, ImageNet (83 MB)
resnet50 $PYTORCH/resnet50-0676ba61.pth name torchvision, ImageNet (98 MB)
resnet101 $PYTORCH/resnet101-63fe2227.pth name torchvision, ImageNet (171 MB)
vgg16 $PYTORCH/vgg16-397923af.pth name torchvision, ImageNet (528 MB)
vgg16-bn $PYTORCH/vgg16_bn-6c64b313.pth name torchvision, ImageNet (528 MB)
deeplabv3-resnet50 $PYTORCH/deeplabv3_resnet50_coco-cd0a2569.pth name torchvision, COCO with VOC's 21 classes (161 MB)
deeplabv3-resnet101 $PYTORCH/deeplabv3_resnet101_coco-586e9e4e.pth name torchvision, COCO with VOC's 21 classes (233 MB)
keras-vgg16 $vgg16.h5 64373286793e3c8b2b4e3219cbf3544b Keras applications, ImageNet (528 MB)
keras-vgg16-notop ${vgg16}_notop.h5 6d6bbae143d832006294945121d1f1fc Keras applications without its head (56 MB)
keras-resnet34 $resnet34.h5 2ac8277412f65e5d047f255bcbd10383 classification_models, ImageNet (83 MB)
keras-resnet34-notop ${resnet34}_no_top.h5 8caaa0ad39d927cb8ba5385bf945d582 the same without its head (81 MB)
END
}

fail() {
    echo "get_weights.sh: $1" >&2
    exit 1
}

# With the last line of what curl or wget says.
unreached() {
    last=$(echo "$reason" | tail -n 1)
    fail "cannot fetch $address: ${last:-the connection broke off} (a copy of the file may be put at $target by hand)"
}

# Whether FILE is what its checksum says.
sound() {
    if [ "$checksum" = name ]; then
        wanted=${name%.*}
        wanted=${wanted##*-}
        found=$(sha256sum "$1" | cut -c 1-8)
    else
        wanted=$checksum
        found=$(md5sum "$1" | cut -c 1-32)
    fi
    [ "$found" = "$wanted" ]
}

if [ $# -eq 0 ]; then
    echo "usage: get_weights.sh NAME [FOLDER]"
    table | while read -r known _ _ what; do printf '  %-22s %s\n' "$known" "$what"; done
    exit 2
fi
line=$(table | while read -r known rest; do [ "$known" != "$1" ] || echo "$known $rest"; done)
[ -n "$line" ] || fail "there are no weights called '$1'; the names are: $(table | cut -d ' ' -f 1 | tr '\n' ' ')"
folder=${2:-$(dirname "$0")/weights}
# shellcheck disable=SC2086
set -- $line
address=$2
checksum=$3
name=${address##*/}
target=$folder/$name

mkdir -p "$folder" 2>/dev/null || fail "cannot write in $folder"
if [ -e "$target" ]; then
    sound "$target" || fail "$target is not what its publisher published (checksum); remove it to fetch again"
    echo "$target is there already"
    exit 0
fi
work=$(mktemp -p "$folder" 2>/dev/null) || fail "cannot write in $folder"
trap 'rm -f "$work"' EXIT
trap 'exit 130' INT TERM

echo "Fetching $address ..."
# A server that cannot be reached says so within seconds; a transfer that stalls for 20 s is given up.
if command -v curl >/dev/null; then
    reason=$(curl -fsSL --connect-timeout 15 --speed-limit 1000 --speed-time 20 -o "$work" "$address" 2>&1) || unreached
elif command -v wget >/dev/null; then
    reason=$(wget -nv --tries=1 --timeout=20 -O "$work" "$address" 2>&1) || unreached
else
    fail "curl or wget is needed; install one (apt-get install curl)"
fi
sound "$work" || fail "what came from $address is not what was published (checksum); nothing is kept"
chmod 644 "$work"
mv "$work" "$target"
echo "$target: $(wc -c <"$target") bytes, checksum right"
