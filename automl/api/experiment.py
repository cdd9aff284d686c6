"""An experiment in Python: its results, and the commands as its methods."""

from collections.abc import Callable, Iterable
from functools import cached_property
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import pandas as pd

import automl.experiment.experiment as reading
from automl.api.arguments import checked
from automl.experiment.observer import ExperimentObserver
from automl.progress.watch import watching
from automl.promotion.gates import MAX_DROP, PromotionRequest
from automl.report.figures import figure
from automl.report.importance import importance_so_far
from automl.report.leaderboard import leaderboard
from automl.report.page.page import write_report
from automl.request.parsing import parsed_targets
from automl.session.session import drive, promote
from automl.skill.failures import faults_of_the_user
from automl.skill.installed import load_skill
from automl.trial.trial import Report, Trial

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

Callback = Callable[["Experiment"], object]
"""Called with the experiment as it is, whenever a trial has started, reported or ended."""


class Experiment(reading.Experiment):
    """An experiment as it was on disk when it was loaded, with the commands as methods.

    It also has `best`, `state`, `settings`, `ranking()`, `front()` and the rest of
    `automl.experiment.experiment.Experiment`. A notebook shows the leaderboard.
    """

    @property
    def trials(self) -> pd.DataFrame:
        """All trials, best first, one row each: number, objective, epochs, state, values."""
        return leaderboard(self)

    @classmethod
    @checked
    def load(cls, root: str | Path) -> Self:
        """Read a folder; raises `UsageError` if it holds no experiment, or a damaged one."""
        return super().load(root)

    @checked
    def promote(
        self,
        trial: int | None = None,
        *,
        to: str | Iterable[str] | None = None,
        max_drop: float = MAX_DROP,
        max_logit_difference: float | None = None,
        max_latency_ms: float | None = None,
        min_objective: float | None = None,
        refine: bool = False,
        qat: int = 0,
        confirm_seeds: int = 0,
    ) -> "Experiment":
        """Promote a trial (None: the best) as `automl promote` does; return the experiment after.

        `to` names the models to make, as `"onnx, int8"` or as a list; None: those of the last
        promotion, or of the run.

        Raises `UsageError` if the search is not over, `RunFailed` if a gate rejects a model.
        """
        request = PromotionRequest(
            trial,
            None if to is None else parsed_targets(to),
            max_drop,
            max_logit_difference,
            max_latency_ms,
            min_objective,
            refine,
            qat,
        )
        promote(self.paths.root, request, confirm_seeds=confirm_seeds)
        return Experiment.load(self.paths.root)

    def report(self) -> Path:
        """Write report.html as `automl report` does, and return its path."""
        return write_report(self, self.space())

    @checked
    def plot(self, name: str = "progress") -> "Figure":
        """Return a figure of the report.

        One of progress, curves, importance, parallel, slices, distribution and front. Raises
        `UsageError` for another name, and if there is too little to draw.
        """
        from plotly.graph_objects import Figure

        return Figure(figure(self, self.space(), name))

    @cached_property
    def model(self) -> Callable[[Any], Any]:
        """The promoted model of this experiment: called with an image, it predicts.

        Raises `UsageError` if nothing was promoted, or the skill loads no models in Python.
        """
        return load_skill(self.settings.skill).load_model(self.promoted_model)

    def predict(self, image: Any) -> Any:
        """Return what the promoted model predicts for an image, a file or an array.

        Raises `UsageError` for an image that cannot be read.
        """
        with faults_of_the_user():
            return self.model(image)

    @checked
    def resume(self, *, quiet: bool = False, callbacks: Iterable[Callback] = ()) -> "Experiment":
        """Resume an interrupted experiment as `automl resume` does; raises as `run`."""
        return driven(self.paths.root, is_quiet=quiet, callbacks=callbacks)

    def _repr_html_(self) -> str:
        best = self.best
        summary = f"<b>{escape(str(self.paths.root))}</b>: {self.state}"
        if best is not None:
            metric = self.settings.objective.metric
            value = f"{escape(metric)} {self.value_of(best):.4f}"
            summary += f"; best: trial {best.number:04d}, {value}"
        return f"<p>{summary}</p>" + self.trials.to_html(index=False, na_rep="", max_rows=20)


def driven(root: Path, *, is_quiet: bool, callbacks: Iterable[Callback]) -> Experiment:
    """Drive the experiment of a folder to its end, and return it."""
    with watching(root, importance_so_far, is_quiet=is_quiet, is_json=False) as watchers:
        drive(root, watchers=[*watchers, *map(_Calls, callbacks)])
    return Experiment.load(root)


class _Calls(ExperimentObserver):
    """Calls a function with the experiment after each event of a trial."""

    def __init__(self, callback: Callback) -> None:
        self._callback = callback
        self._experiment: Experiment | None = None

    def opened(self, experiment: reading.Experiment) -> None:
        """Keep the driver's experiment, which grows."""
        self._experiment = Experiment(experiment.paths, experiment.settings, experiment.history)

    def started(self, trial: Trial, folder: Path) -> None:
        """Call it."""
        self._call()

    def reported(self, trial: Trial, report: Report) -> None:
        """Call it."""
        self._call()

    def finished(self, trial: Trial, folder: Path) -> None:
        """Call it."""
        self._call()

    def _call(self) -> None:
        assert self._experiment is not None
        self._callback(self._experiment)
