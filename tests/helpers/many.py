"""Long experiments without trainings: the settings of a small one, and a journal made up."""

import random
import shutil
from pathlib import Path

from automl.experiment.experiment import Experiment
from automl.experiment.journal import Journal, opened_event


def long_experiment(source: Experiment, root: Path, trials: int, epochs: int = 3) -> Experiment:
    """Return a finished search of the toy skill with this many trials in a new folder."""
    root.mkdir()
    for path in (source.paths.settings, source.paths.space, source.paths.schema):
        shutil.copy(path, root)
    draw = random.Random(0)
    events = [opened_event()]
    for number in range(trials):
        values = {
            "train.flip.enable": True,
            "train.flip.p": draw.random(),
            "train.lr": 10 ** draw.uniform(-5, 0),
            "train.width": draw.randint(1, 64),
        }
        events.append({"event": "start", "trial": number, "values": values, "epochs": epochs})
        score = draw.random()
        events += [
            {"event": "report", "trial": number, "epoch": epoch, "decision": "continue",
             "metrics": {"score": score * (1 - 0.5**epoch), "loss": 1 - score}}
            for epoch in range(1, epochs + 1)
        ]  # fmt: skip
        events.append({"event": "finish", "trial": number, "state": "completed", "failure": None})
    events.append({"event": "closed", "state": "finished", "reason": ""})
    Journal(root / "journal.jsonl").append(
        *({**event, "time": 1e9 + place} for place, event in enumerate(events))
    )
    return Experiment.load(root)
