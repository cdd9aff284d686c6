#!/usr/bin/env bash
# Makes the figures of the README on the two real data sets:
#   experiments/acceptance.sh FOLDER_OF_DATASETS OUT
# FOLDER_OF_DATASETS holds isbi2012/ and camvid/ in the layout of the README.
set -euo pipefail
datasets=$1
out=$2

# Few images make few steps an epoch, so the batch is small.
time automl run --skill segformer --data "$datasets/isbi2012" --out "$out/isbi2012" \
    --trials 12 --epochs 20 dataset.segment.img_size=128 dataset.segment.batch_size=2 \
    dataset.segment.label_transform=norm

time automl run --skill segformer --data "$datasets/camvid" --out "$out/camvid" \
    --trials 4 --epochs 3 dataset.segment.img_size=128
