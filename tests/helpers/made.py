"""Experiments made of events, without any training."""

from pathlib import Path

from automl.experiment.experiment import Experiment
from automl.experiment.settings import Settings
from automl.files import json_text
from automl.progress.monitor import Monitor
from automl.trial.budget import Budget
from automl.trial.objective import Objective

SCORE = (Objective("score", "max"),)


def made_experiment(root: Path, *events, objectives=SCORE, **settings):
    """Write the settings and the events of an experiment, a second apart, and load it."""
    root.mkdir(parents=True, exist_ok=True)
    content = {"skill": "toy", "policy": "auto", "budget": Budget(4, 3), "seed": 0, "spec": {},
               "tracker": "none", **settings}  # fmt: skip
    Settings(objectives=objectives, **content).write(root / "settings.yaml")
    lines = [json_text({"time": float(place), **event}) for place, event in enumerate(events)]
    (root / "journal.jsonl").write_text("".join(line + "\n" for line in lines))
    return Experiment.load(root)


def start(trial, values=None, epochs=3, **rest):
    return {"event": "start", "trial": trial, "values": values or {}, "epochs": epochs, **rest}


def report(trial, epoch, score, **metrics):
    metrics = {"score": score, **metrics}
    return {"event": "report", "trial": trial, "epoch": epoch, "metrics": metrics,
            "decision": "continue"}  # fmt: skip


def finish(trial, state="completed", kind=None, message="why"):
    failure = None if kind is None else {"kind": kind, "message": message}
    return {"event": "finish", "trial": trial, "state": state, "failure": failure}


def closed(state="finished"):
    return {"event": "closed", "state": state, "reason": ""}


def promoted(trial, **changes):
    """Return the event of a promotion with what its proof must have; `changes` are of the proof."""
    parity = {"metric": "score", "checkpoint": 0.6, "onnx": 0.6, "difference": 0.0,
              "tolerance": 0.001, **changes}  # fmt: skip
    promotion = {"trial": trial, "onnx": "promoted/model.onnx", "parity": parity}
    return {"event": "promoted", "promotion": promotion}


def view_of(root, settings, events, *, state, now):
    """Return the view of an experiment after these events."""
    monitor = Monitor(root, settings)
    for event in events:
        monitor.apply(event)
    return monitor.view(state, now)
