"""Writes an experiment to Weights & Biases: a group of runs, one for each trial.

WANDB_MODE=offline keeps the runs on this machine; `wandb sync` sends them later.
"""

import hashlib
from collections.abc import Mapping
from typing import Any

import wandb

from automl.experiment.paths import ExperimentPaths
from automl.tracking.curves import curves_mirror
from automl.tracking.mirror import Mirror
from automl.tracking.names import ParameterNames

FOLDER = "wandb"


def wandb_mirror(paths: ExperimentPaths, project: str, names: ParameterNames) -> Mirror:
    """Return the mirror of an experiment in a project; its files are in its folder wandb/."""
    record = paths.root / FOLDER / "written.json"
    return curves_mirror("Weights & Biases", WandbRuns(paths, project), record, names)


class WandbRuns:
    """The runs of one experiment, found again by ids made from its place."""

    def __init__(self, paths: ExperimentPaths, project: str) -> None:
        self._paths = paths
        self._project = project
        self._runs: dict[str, Any] = {}

    def log(
        self,
        run: str,
        params: Mapping[str, Any],
        metrics: Mapping[str, float],
        step: int,
        at: float,
    ) -> None:
        """Add the metrics of a step."""
        self._run(run, params).log({**metrics, "_timestamp": at}, step=step)

    def end(
        self, run: str, params: Mapping[str, Any], facts: Mapping[str, Any], *, is_failed: bool
    ) -> None:
        """Put the facts into the run's summary, and finish it."""
        opened = self._run(run, params)
        opened.config.update(dict(params), allow_val_change=True)
        opened.summary.update(dict(facts))
        opened.finish(exit_code=int(is_failed))
        del self._runs[run]

    def close(self) -> None:
        """Finish the runs that have not ended; a later session continues them."""
        while self._runs:
            self._runs.popitem()[1].finish()

    def _run(self, name: str, params: Mapping[str, Any]) -> Any:
        if name not in self._runs:
            place = f"{self._paths.root.resolve()}/{name}"
            self._runs[name] = wandb.init(
                project=self._project,
                group=self._paths.root.name,
                name=f"{self._paths.root.name}/{name}",
                id=hashlib.sha256(place.encode()).hexdigest()[:16],
                resume="allow",
                reinit="create_new",
                dir=str(self._paths.root),
                config=dict(params),
                settings=wandb.Settings(silent=True, console="off", x_disable_stats=True),
            )
        return self._runs[name]
