#!/usr/bin/env bash
# For the day a GPU is lent: what no CPU can show, in under 12 minutes, a line for each check with what
# is expected, what was measured, and PASS or FAIL. Exit code 1 if one fails.
#
#     experiments/gpu_day.sh               # on a machine with a GPU, in this checkout's .venv
#     experiments/gpu_day.sh --rehearse    # on any machine: small, and what needs a GPU is not run
set -euo pipefail
cd "$(dirname "$0")/.."
python=.venv/bin/python
[ -x "$python" ] || python=python3
exec timeout --foreground 720 "$python" -m experiments.gpu_day "$@"
