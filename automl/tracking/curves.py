"""Writes an experiment to a store of curves, such as TensorBoard or Weights & Biases.

Each trial is a run of its own, and the run `search` has the best value so far. A file beside the
experiment says what was written: a later session adds what is missing, and nothing twice.
"""

import time
from collections.abc import Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import Any, Protocol

from automl.experiment.derived import read_derived
from automl.experiment.experiment import Experiment
from automl.experiment.observer import ExperimentObserver
from automl.files import write_json
from automl.tracking.best_curve import BestCurve, Point
from automl.tracking.mirror import Mirror, Store
from automl.tracking.names import ParameterNames
from automl.tracking.registry import Registry
from automl.trial.trial import Report, Trial, TrialState

SEARCH = "search"
"""The run of the experiment itself."""
_PATIENCE_S = 60.0


class Curves(Protocol):
    """A store of curves. A run begins when it is first named, also in a later session."""

    def log(
        self,
        run: str,
        params: Mapping[str, Any],
        metrics: Mapping[str, float],
        step: int,
        at: float,
    ) -> None:
        """Add the metrics of a step, reported at a time in seconds since 1970."""

    def end(
        self, run: str, params: Mapping[str, Any], facts: Mapping[str, Any], *, is_failed: bool
    ) -> None:
        """End a run, with its state and its best value."""

    def close(self) -> None:
        """Close the runs that have not ended; a later session may open them again."""


class CurvesObserver(ExperimentObserver):
    """Writes the runs of one experiment; `opened` comes first."""

    def __init__(self, curves: Curves, record: Path, names: ParameterNames) -> None:
        self._curves = curves
        self._record = record
        self._names = names
        self._experiment: Experiment
        self._best: BestCurve
        self._written: dict[str, Any] = {}
        """By run: the last step that was written, and the state that it ended with."""
        self.last_call = time.monotonic()

    def opened(self, experiment: Experiment) -> None:
        """Write what the journal holds and the store lacks."""
        self._experiment = experiment
        self._written = {"steps": {}, "states": {}, **read_derived(self._record)}
        for trial in list(experiment.history.trials.values()):
            for report in trial.reports:
                self._log_report(trial, report)
            if trial.state.is_final:
                self._end_trial(trial)
        self._best = BestCurve(experiment)
        for point in self._best.past:
            self._log_best(point)
        self._write_record()

    def started(self, trial: Trial, folder: Path) -> None:
        """Count the epochs of the search."""
        self._best.start(trial)

    def reported(self, trial: Trial, report: Report) -> None:
        """Write an epoch, and the best so far if it is one."""
        self._log_report(trial, report)
        if point := self._best.report(trial, report):
            self._log_best(point)
        self._write_record()

    def finished(self, trial: Trial, folder: Path) -> None:
        """End the run of a trial."""
        self._end_trial(trial)
        self._write_record()

    def closed(self, experiment: Experiment) -> None:
        """End the run of the search with the best trial."""
        state = experiment.history.closed or "interrupted"
        best = experiment.best
        facts: dict[str, Any] = {"state": state}
        params: Mapping[str, Any] = {}
        if best is not None:
            facts |= {"best_trial": best.number, self._best_name: experiment.value_of(best)}
            params = self._names.of(best.values)
        self._end(SEARCH, params, facts, is_failed=state == "failed")
        self._curves.close()
        self._write_record()

    @property
    def _best_name(self) -> str:
        return f"best_{self._experiment.settings.objective.metric}"

    def _log_report(self, trial: Trial, report: Report) -> None:
        self._log(_name(trial), trial.values, report.metrics, report.epoch, report.time)

    def _log_best(self, point: Point) -> None:
        value, epochs, at = point
        self._log(SEARCH, {}, {self._best_name: value}, epochs, at)

    def _log(
        self,
        run: str,
        values: Mapping[str, Any],
        metrics: Mapping[str, float],
        step: int,
        at: float,
    ) -> None:
        if step <= self._written["steps"].get(run, 0):
            return
        self.last_call = time.monotonic()
        self._curves.log(run, self._names.of(values), metrics, step, at)
        self._written["steps"][run] = step

    def _end_trial(self, trial: Trial) -> None:
        objective = self._experiment.settings.objective
        facts: dict[str, Any] = {"state": trial.state.value}
        if (best := trial.best_report(objective)) is not None:
            facts |= {self._best_name: objective.value(best.metrics), "best_epoch": best.epoch}
        is_failed = trial.state is TrialState.FAILED
        self._end(_name(trial), self._names.of(trial.values), facts, is_failed=is_failed)

    def _end(
        self, run: str, params: Mapping[str, Any], facts: Mapping[str, Any], *, is_failed: bool
    ) -> None:
        if self._written["states"].get(run) == facts["state"]:
            return
        self.last_call = time.monotonic()
        self._curves.end(run, params, facts, is_failed=is_failed)
        self._written["states"][run] = facts["state"]

    def _write_record(self) -> None:
        self._record.parent.mkdir(parents=True, exist_ok=True)
        write_json(self._record, self._written)


def curves_mirror(name: str, curves: Curves, record: Path, names: ParameterNames) -> Mirror:
    """Return the mirror of an experiment in a store of curves; it is called from a thread."""
    observer = CurvesObserver(curves, record, names)
    return Mirror(
        Store(name, observer, Registry(), lambda: observer.last_call, _PATIENCE_S, nullcontext)
    )


def _name(trial: Trial) -> str:
    return f"trial-{trial.number:04d}"
