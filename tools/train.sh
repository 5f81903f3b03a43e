#!/bin/sh
# The main job: trains a U-Net on CamVid by the preset that fits this machine. CAMVID: the dataset's folder; without it
# data/camvid, which is fetched if it is not there; without a network, generated scenes. RUN: the run's folder.
set -eu
build=${BUILD:-build}
camber=$build/camber

if [ -n "${CAMVID:-}" ]; then
    data=$CAMVID
elif [ -d data/camvid ] || data/get_camvid.sh; then
    data=data/camvid
else
    data=data/synth
    echo "camber: CamVid is not here and cannot be fetched: training on generated street scenes instead" \
        "(set CAMVID=dir to use the dataset)"
    [ -d "$data" ] || "$camber" data synth --out "$data"
fi

if [ -e /dev/nvidiactl ]; then preset=camvid-gpu; else preset=cpu; fi
exec "$camber" train --data "$data" --preset "$preset" ${RUN:+--out "$RUN"}
