"""How far a running action is, as its folder says; a skill need not write it."""

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from automl.files import open_regular
from automl.redact import printable

FILE = "progress.json"
TRAINING = "training"
"""The stage whose steps need no name."""
_LONGEST = 10_000
"""Bytes that are read: the file is of the skill."""


@dataclass(frozen=True)
class Steps:
    """The steps of an epoch or of a measurement."""

    stage: str
    """What is done, such as training or measuring; before the first step, such as loading."""
    step: int | None = None
    steps: int | None = None
    epoch: int | None = None
    seconds_per_step: float | None = None
    loss: float | None = None

    def text(self) -> str:
        """Return the steps in words: `step 31/46, 2.1 s/step, loss 1.84`, or only the stage."""
        if self.step is None:
            return self.stage
        place = "step " if self.epoch is not None and self.stage == TRAINING else f"{self.stage} "
        parts = [f"{place}{self.step}/{self.steps}"]
        if self.seconds_per_step is not None:
            parts.append(f"{self.seconds_per_step:.2g} s/step")
        if self.loss is not None:
            parts.append(f"loss {self.loss:.3g}")
        return ", ".join(parts)


def read_steps(folder: Path) -> Steps | None:
    """Return the steps that an action in a folder is at; None if it does not say."""
    try:
        with open_regular(folder / FILE) as file:
            plain = json.loads(file.read(_LONGEST))
        stage = printable(plain["stage"])[:40]
        if "step" not in plain:
            return Steps(stage)
        step, steps = int(plain["step"]), int(plain["steps"])
        epoch = None if plain.get("epoch") is None else int(plain["epoch"])
        return Steps(
            stage, step, steps, epoch,
            _number(plain.get("seconds_per_step")), _number(plain.get("loss")),
        )  # fmt: skip
    except (OSError, ValueError, KeyError, TypeError, AttributeError, OverflowError):
        return None


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) and math.isfinite(value) else None
