"""Real processes over gloo: one node of two, two nodes of one, and what becomes of failures."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
import yaml
from paths import HELPERS
from warm import PYTHON, pid_of

from segformer.errors import CheckpointError
from segformer.evaluation.evaluate import evaluate
from segformer.evaluation.inference import infer
from segformer.model.saved import load_torch
from segformer.training.loop import train

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True, scope="module")
def warm_processes(commands):
    """Start the processes as forks of one that has all loaded, which takes 5 s less for each."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "executable", str(commands / "python"))
        patch.setenv(PYTHON, str(commands / "python"))
        yield


TWO = {"num_gpus": 2, "accelerator": "cpu"}
PYTHON_ITSELF = sys.executable
SCRIPT = HELPERS / "train_without_chance.py"


def of(action, **settings):
    return {f"{action}.{key}": value for key, value in settings.items()}


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return str(one.getsockname()[1])


def lines(folder):
    return [json.loads(line) for line in (folder / "status.json").read_text().splitlines()]


@pytest.fixture(scope="module")
def settings():
    shared = {"use_distributed_sampler": True, "sync_batchnorm": True, "num_epochs": 2}
    shared["optim.lr"] = 3e-3
    return {"dataset.segment.batch_size": 1, **of("train", **shared)}


@pytest.fixture(scope="module")
def one_node(tiny_spec, settings, tmp_path_factory):
    spec, folder, heard = (
        tiny_spec(**settings, **of("train", **TWO)),
        tmp_path_factory.mktemp("n"),
        [],
    )
    result = train(spec, folder, lambda *told: heard.append(told) or "continue")
    return SimpleNamespace(spec=spec, folder=folder, result=result, heard=heard)


@pytest.fixture(scope="module")
def two_nodes(tiny_spec, settings, tmp_path_factory, commands):
    folder = tmp_path_factory.mktemp("two_nodes")
    spec = tiny_spec(**settings, **of("train", accelerator="cpu", results_dir=str(folder / "out")))
    (folder / "spec.yaml").write_text(yaml.safe_dump(spec.model_dump()))
    port = free_port()
    nodes = [
        subprocess.Popen(
            [commands / "segformer", "train", "-e", str(folder / "spec.yaml"), "--json"],
            env={
                **os.environ,
                "WORLD_SIZE": "2",
                "NODE_RANK": str(number),
                "MASTER_ADDR": "127.0.0.1",
                "MASTER_PORT": port,
            },
            stdout=subprocess.PIPE,
            text=True,
        )
        for number in range(2)
    ]
    told = [node.communicate(timeout=240)[0] for node in nodes]
    assert [node.returncode for node in nodes] == [0, 0]
    return SimpleNamespace(folder=folder / "out", answers=[json.loads(text) for text in told])


def test_only_the_first_process_reports_and_writes(one_node):
    assert [epoch for epoch, _ in one_node.heard] == [1, 2]
    assert one_node.result.metrics["val_miou"] == max(m["val_miou"] for _, m in one_node.heard)
    statuses = [line["status"] for line in lines(one_node.folder)]
    assert statuses == ["STARTED", "RUNNING", "RUNNING", "SUCCESS"]


def test_metrics_are_those_of_one_process_on_the_same_data(one_node, tiny_spec, tmp_path):
    best = str(one_node.result.artifacts["best"])
    checked = {"checkpoint": best, "split": "validation"}
    one = evaluate(tiny_spec(**of("evaluate", **checked)), tmp_path / "one")
    two = evaluate(tiny_spec(**of("evaluate", **checked, **TWO)), tmp_path / "two")
    first, second = (
        json.loads((tmp_path / name / "results.json").read_text()) for name in ("one", "two")
    )
    # 3 images on 2 processes: the filler of the second share must not count.
    assert first["confusion_matrix"] == second["confusion_matrix"]
    assert sum(map(sum, first["confusion_matrix"])) == 3 * 32 * 32
    # A loss depends a little on how many images are in a batch.
    assert two.metrics == pytest.approx(one.metrics, rel=1e-6)
    for key, value in one_node.result.metrics.items():
        if key.startswith("val_"):
            assert one.metrics[key] == pytest.approx(value, rel=1e-6)
    # Not the report's samples, which are of the first process's share.
    pictures = [
        sorted(p.name for p in (tmp_path / n).rglob("*.png") if p.parent.name != "samples")
        for n in ("one", "two")
    ]
    assert pictures[0] == pictures[1] == ["0.png", "1.png", "2.png"]


def test_pictures_by_windows_are_measured_alike_by_two_processes(one_node, tiny_spec, tmp_path):
    checked = {"checkpoint": str(one_node.result.artifacts["best"]), "split": "validation"}
    slide = {"dataset.segment.prediction.mode": "slide",
             "dataset.segment.prediction.window_width": 24}  # fmt: skip
    metrics = []
    for name, processes in (("one", {}), ("two", TWO)):
        evaluate(tiny_spec(**slide, **of("evaluate", **checked, **processes)), tmp_path / name)
        metrics.append(json.loads((tmp_path / name / "results.json").read_text()))
    assert metrics[0]["confusion_matrix"] == metrics[1]["confusion_matrix"]
    assert sum(map(sum, metrics[0]["confusion_matrix"])) == 3 * 36 * 40


def test_two_nodes_of_one_train_what_one_node_of_two_does(one_node, two_nodes):
    mine, theirs = (
        load_torch(run.folder / "checkpoints/last.ckpt") for run in (one_node, two_nodes)
    )
    for key, value in mine["state_dict"].items():
        assert torch.equal(value, theirs["state_dict"][key]), key
    assert mine["segformer"] == theirs["segformer"]
    first, second = two_nodes.answers
    assert first["metrics"] == second["metrics"] == one_node.result.metrics
    assert lines(two_nodes.folder)[-1]["status"] == "SUCCESS"
    assert lines(two_nodes.folder / "node_1")[-1]["status"] == "SUCCESS"


def test_weights_are_those_of_one_process_with_the_same_batch(tiny_data, tmp_path, commands):
    runs = {"one": [("0", "1")], "two": [("0", "2"), ("1", "2")]}
    ports = {name: free_port() for name in runs}
    running = [
        subprocess.Popen(
            [commands / "python"],
            env={
                **os.environ,
                "LOCAL_RANK": number,
                "RANK": number,
                "WORLD_SIZE": count,
                "MASTER_ADDR": "127.0.0.1",
                "MASTER_PORT": ports[name],
            },
            stdin=subprocess.PIPE,
            text=True,
        )
        for name, processes in runs.items()
        for number, count in processes
    ]
    names = [name for name, processes in runs.items() for _ in processes]
    for name, process in zip(names, running, strict=True):
        words = [str(SCRIPT), str(tiny_data), str(tmp_path / f"{name}.pt")]
        process.stdin.write(f"import runpy, sys; sys.path.insert(0, {str(HELPERS)!r}); "
                            f"sys.argv = {words!r}; runpy.run_path({words[0]!r})")  # fmt: skip
        process.stdin.close()
    assert [process.wait(timeout=240) for process in running] == [0, 0, 0]
    one, two = (torch.load(tmp_path / f"{name}.pt", weights_only=True) for name in runs)
    for key, start in one["start"].items():
        # Sums of floats in another order: a thousandth of what was learnt.
        learnt = (one["end"][key] - start).float().abs().max().item()
        off = (one["end"][key] - two["end"][key]).float().abs().max().item()
        assert off <= 1e-3 * learnt + 1e-7, key
    assert any(not torch.equal(one["start"][key], one["end"][key]) for key in one["start"])
    assert one["metrics"] == pytest.approx(two["metrics"], abs=2e-3)


def test_inference_deals_the_images_out(one_node, tiny_spec, tmp_path):
    best = str(one_node.result.artifacts["best"])
    told = {"dataset.segment.predict_split": "train", **of("inference", checkpoint=best)}
    infer(tiny_spec(**told), tmp_path / "one")
    result = infer(tiny_spec(**told, **of("inference", **TWO)), tmp_path / "two")
    assert result.metrics == {"images": 5.0}
    rows = [
        json.loads((tmp_path / n / "results.json").read_text())["images"] for n in ("one", "two")
    ]
    assert [row["image"] for row in rows[0]] == [row["image"] for row in rows[1]]
    for row in rows[0]:
        one, two = ((tmp_path / n / row["mask"]).read_bytes() for n in ("one", "two"))
        assert np.mean(np.frombuffer(one, "u1") != np.frombuffer(two, "u1")) < 0.01


def test_what_is_wrong_in_a_process_is_told_as_in_one(tiny_spec, tmp_path, monkeypatch):
    # Here the processes are new ones, as of a user's.
    monkeypatch.setattr(sys, "executable", PYTHON_ITSELF)
    missing = str(tmp_path / "none.ckpt")
    with pytest.raises(CheckpointError, match=r"none\.ckpt: no such file"):
        evaluate(tiny_spec(**of("evaluate", checkpoint=missing, **TWO)), tmp_path)
    assert lines(tmp_path)[-1]["status"] == "FAILURE"


def test_a_process_that_is_killed_ends_the_others_and_is_named(
    tiny_spec, settings, tmp_path, commands
):
    spec = tiny_spec(**{**settings, "train.num_epochs": 9999}, **of("train", **TWO))
    (tmp_path / "spec.yaml").write_text(yaml.safe_dump(spec.model_dump()))
    words = ["train", "-e", str(tmp_path / "spec.yaml"), f"train.results_dir={tmp_path / 'out'}"]
    command = [commands / "segformer", *words]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as parent:
        while not (tmp_path / "out/checkpoints/last.ckpt").exists() and parent.poll() is None:
            time.sleep(0.1)
        pid = pid_of(parent)
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        os.kill(int(children[1]), signal.SIGKILL)
        told = parent.stderr.read()
        assert parent.wait(timeout=60) == 1
    assert "process 1 was ended by SIGKILL" in told or "process 0 failed" in told
    assert not any(Path(f"/proc/{child}").exists() for child in children)
    assert lines(tmp_path / "out")[-1]["status"] == "FAILURE"
