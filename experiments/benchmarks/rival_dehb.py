"""DEHB, asked and told; it needs numpy below 2 and so an environment of its own."""

import tempfile
from collections.abc import Hashable
from typing import Any

from dehb import DEHB

from experiments.benchmarks.asked import AskedSearcher
from experiments.benchmarks.tasks import EPOCHS, Task, values_from_unit


class Dehb:
    """DEHB with its defaults over the unit cube; its fidelities are 1.85 to 50 epochs."""

    def __init__(self, task: Task, *, seed: int) -> None:
        self._space = task.space
        self._folder = tempfile.TemporaryDirectory(prefix="dehb-")
        self._dehb = DEHB(
            dimensions=len(task.space.parameters),
            min_fidelity=1,
            max_fidelity=EPOCHS,
            n_workers=1,  # Of its own pool, which asking does not use.
            seed=seed,
            save_freq="end",
            output_path=self._folder.name,
            log_level="ERROR",
        )

    def ask(self) -> tuple[dict[str, Any], Hashable, dict[str, Any], int] | None:
        """Return DEHB's next job."""
        job = self._dehb.ask()
        values = values_from_unit(self._space, job["config"])
        return job, tuple(job["config"]), values, max(1, round(job["fidelity"]))

    def tell(self, job: dict[str, Any], loss: float) -> None:
        """Hand the loss back as DEHB's fitness."""
        self._dehb.tell(job, {"fitness": loss, "cost": 1.0})


def make(task: Task, *, seed: int, name: str) -> AskedSearcher:
    """Return DEHB as a searcher."""
    return AskedSearcher(task, Dehb(task, seed=seed))
