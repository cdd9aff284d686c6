"""A training of somebody else's: logistic regression in numpy. It knows nothing of automl.

Usage: train.py -e SPEC. Goes on from the checkpoint that the spec names.
"""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import yaml

spec = yaml.safe_load(Path(sys.argv[2]).read_text())
train, out = spec["train"], Path(spec["results_dir"])
data = np.loadtxt(Path(spec["data"]["root"]) / "points.csv", delimiter=",")
x, y = np.c_[data[:, :-1], np.ones(len(data))], data[:, -1]
half = len(x) // 2
weights, first = np.zeros(x.shape[1]), 1
if train["resume"]:
    saved = np.load(train["resume"])
    weights, first = saved["weights"], int(saved["epoch"]) + 1
fail, pid_file = train["fail"], out / "pids.txt"
if fail == "family":
    other = subprocess.Popen(["sleep", "600"])
    pid_file.write_text(f"{os.getpid()} {other.pid}")
with (out / "starts.txt").open("a") as starts:
    starts.write(f"{first}\n")
for epoch in range(first, train["epochs"] + 1):
    time.sleep(train["pause_s"])
    if fail == "exit":
        print("cannot go on: the moon is full", file=sys.stderr)
        sys.exit(3)
    if fail == "memory":
        raise MemoryError("no room for 9 GB")
    if fail == "killed" and epoch == 2 and len((out / "starts.txt").read_text().split()) == 1:
        os.kill(os.getpid(), 9)
    if fail == "segfault":
        os.kill(os.getpid(), 11)
    p = 1 / (1 + np.exp(-x[:half] @ weights))
    slope = x[:half].T @ (p - y[:half]) / half + train["l2"] * weights
    weights = weights - train["lr"] * slope
    accuracy = float(((x[half:] @ weights > 0) == y[half:]).mean())
    np.savez(out / "saved.npz", weights=weights, epoch=epoch)
    (out / "saved.npz").replace(out / "last.npz")
    kpi = {"val_accuracy": float("nan") if fail == "nan" else accuracy}
    if fail == "silent":
        kpi = {"train_loss": 0.1}
    with (out / "status.json").open("a") as status:
        status.write(json.dumps({"status": "RUNNING", "epoch": epoch, "message": "going"}) + "\n")
        status.write(json.dumps({"status": "RUNNING", "epoch": epoch, "kpi": kpi}) + "\n")
