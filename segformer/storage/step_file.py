"""How far an action is within an epoch or a measurement, for whoever watches its folder."""

import json
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

FILE = "progress.json"
_LEAST_S = 0.5
"""Between two writes: a step may take a millisecond."""


class StepFile:
    """Holds the latest step of an action; it is gone when the action has ended."""

    def __init__(self, folder: Path, stage: str) -> None:
        self._path = folder / FILE
        self._stage = stage
        self._written_s = 0.0
        self._begun_s = time.monotonic()
        self._first = 0

    def say(self, stage: str) -> None:
        """Write what is done before the first step, such as loading."""
        self._put({"stage": stage})

    def begin(self, first: int = 0) -> None:
        """Count the time of steps from now; `first` steps were done before."""
        self._begun_s, self._first, self._written_s = time.monotonic(), first, 0.0

    def write(
        self,
        step: int,
        steps: int,
        *,
        epoch: int | None = None,
        loss: Callable[[], float] | None = None,
    ) -> None:
        """Write that `step` of `steps` is done, unless it was written an instant ago.

        `loss` is only asked for what is written: on a GPU the answer waits for the step.
        """
        now = time.monotonic()
        if now - self._written_s < _LEAST_S:
            return
        self._written_s, done = now, step - self._first
        content = {
            "stage": self._stage,
            "epoch": epoch,
            "step": step,
            "steps": steps,
            "seconds_per_step": (now - self._begun_s) / done if done else None,
            "loss": None if loss is None else loss(),
        }
        self._put(content)

    def _put(self, content: Mapping[str, Any]) -> None:
        # Only a hint: a disk that takes no more is reported by what has to be kept.
        with suppress(OSError):
            part = self._path.with_name(f"{FILE}.part")
            part.write_text(json.dumps(content), encoding="utf-8")
            part.replace(self._path)

    def remove(self) -> None:
        """Remove the file."""
        with suppress(OSError):
            self._path.unlink(missing_ok=True)
