"""Tells of an experiment in plain lines on stderr, one event a line."""

import sys
from pathlib import Path
from typing import Any, TextIO

from automl.experiment import Experiment
from automl.objective import Objective
from automl.tracking.base import Tracker
from automl.trial import Decision, Report, Trial, TrialState


class ConsoleTracker(Tracker):
    """Prints what starts, what is reported, and why a trial ended."""

    def __init__(self, objective: Objective, *, stream: TextIO | None = None) -> None:
        self._objective = objective
        self._stream = stream or sys.stderr
        self._best: float | None = None

    def opened(self, experiment: Experiment) -> None:
        """Say how much is done already, on a resume."""
        done = [t for t in experiment.ledger.trials.values() if t.state.is_final]
        if experiment.ledger.trials:
            self._say(f"resuming {experiment.paths.root}: {len(done)} trials are done")
        best = experiment.best
        self._best = None if best is None else experiment.value_of(best)

    def started(self, trial: Trial, folder: Path) -> None:
        """Say that a trial starts or goes on."""
        if trial.losses:
            self._say(f"trial {trial.number:04d} lost its worker, which died")
        verb = f"goes on after epoch {trial.epoch}" if trial.reports else "starts"
        default = " with the defaults" if trial.number == 0 else ""
        self._say(f"trial {trial.number:04d} {verb}{default}")

    def reported(self, trial: Trial, report: Report) -> None:
        """Print an epoch's objective and mark a new best."""
        value = self._objective.value(report.metrics)
        is_best = self._best is None or self._objective.is_better(value, self._best)
        if is_best:
            self._best = value
        mark = "  best so far" if is_best else ""
        fate = {
            Decision.STOP: "  stopped: not among the best at this epoch",
            Decision.PAUSE: "  paused",
        }.get(report.decision, "")
        self._say(
            f"trial {trial.number:04d} epoch {report.epoch}/{trial.epochs} "
            f"{self._objective.metric} {value:.4f}{mark}{fate}"
        )

    def finished(self, trial: Trial, folder: Path) -> None:
        """Say how a trial ended, with the log of one that failed."""
        if trial.state is TrialState.FAILED and trial.failure is not None:
            self._say(
                f"trial {trial.number:04d} failed ({trial.failure.kind}): "
                f"{trial.failure.message} (log: {folder / 'log.txt'})"
            )
        elif trial.state is TrialState.COMPLETED:
            self._say(f"trial {trial.number:04d} completed in {trial.seconds:.0f} s")

    def promoted(self, experiment: Experiment, model: Path) -> dict[str, Any]:
        """Say where the promoted model is."""
        self._say(f"promoted {model}")
        return {}

    def closed(self, experiment: Experiment) -> None:
        """Say nothing: the command prints the leaderboard."""

    def _say(self, line: str) -> None:
        print(line, file=self._stream, flush=True)
