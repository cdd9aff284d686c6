#!/usr/bin/env bash
# Makes the first table of docs/benchmarks.md, on two real data sets:
#   experiments/acceptance.sh FOLDER_OF_DATASETS OUT
# FOLDER_OF_DATASETS holds isbi2012/ and camvid/ in the layout of docs/data.md.
set -euo pipefail
datasets=$1
out=$2

files=$(dirname "$0")

time automl run "$files/isbi.yaml" --data "$datasets/isbi2012" --out "$out/isbi2012"

time automl run "$files/camvid.yaml" --data "$datasets/camvid" --out "$out/camvid"
