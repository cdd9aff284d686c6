"""Runs one trial again from what is recorded of it, and compares what comes out."""

import json
import math
import os
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from automl.errors import RunFailed, UsageError
from automl.experiment import environment
from automl.experiment.experiment import Experiment
from automl.runners.base import Task, run_task
from automl.schema.spec import flatten, with_values
from automl.skill.failures import faults_of_the_user
from automl.skill.installed import load_skill
from automl.trial.trial import Decision, FailureKind, Outcome, Report, Trial, TrialState

ELSEWHERE = 0.01
"""How far metrics may differ, of themselves or of 1, where the machine or the versions differ."""
_SETTLES = ("processor", "device", "threads", "platform", "versions.")
"""What has to be as it was for a training to give the very same numbers."""
_CONTINUE, _STOP = Decision.CONTINUE, Decision.STOP

Watch = Callable[[int, Mapping[str, float]], None]


@dataclass(frozen=True)
class Compared:
    """One metric of one epoch: as recorded, and again."""

    epoch: int
    metric: str
    recorded: float
    again: float | None

    @property
    def difference(self) -> float:
        """The distance of the two, relative where they are larger than 1; infinite for a lack."""
        if self.again is None:
            return math.inf
        if self.recorded == self.again or (math.isnan(self.recorded) and math.isnan(self.again)):
            return 0.0
        distance = abs(self.again - self.recorded) / max(1.0, abs(self.recorded))
        return distance if math.isfinite(distance) else math.inf


@dataclass(frozen=True)
class Reproduction:
    """What a second run of a trial gave."""

    trial: Trial
    folder: Path
    differences: dict[str, tuple[Any, Any]]
    """What is not as it was, by name: then and now."""
    outcome: Outcome
    compared: list[Compared]
    tolerance: float

    @property
    def off(self) -> list[Compared]:
        """The metrics that differ by more than the tolerance."""
        return [row for row in self.compared if row.difference > self.tolerance]

    @property
    def faults(self) -> list[str]:
        """What is not as recorded, a line each; none where the trial was reproduced."""
        then, now = self.trial.failure, self.outcome.failure
        if (then and then.kind) != (now and now.kind):
            was = then.kind.value if then else "no failure"
            return [
                f"recorded was {was}, and now {f'{now.kind}: {now.message}' if now else 'none'}"
            ]
        return [
            f"epoch {row.epoch}: {row.metric} was {row.recorded:.9g} and is "
            f"{'missing' if row.again is None else f'{row.again:.9g}'}"
            for row in self.off
        ]

    def to_dict(self) -> dict[str, Any]:
        """Return what ``--json`` prints."""
        largest = max((row.difference for row in self.compared), default=0.0)
        return {
            "trial": self.trial.number,
            "folder": str(self.folder),
            "is_reproduced": not self.faults,
            "differences": {k: {"then": a, "now": b} for k, (a, b) in self.differences.items()},
            "tolerance": self.tolerance,
            "compared": len(self.compared),
            "largest_difference": largest,
            "faults": self.faults,
        }


@dataclass(frozen=True)
class Reproducer:
    """Runs a trial of an experiment again, in EXPERIMENT/reproduced/TRIAL, anew each time."""

    experiment: Experiment
    number: int
    data: str | None = None
    """Where the data is now; None: where it was."""

    def run(self, *, tolerance: float | None = None, watch: Watch) -> Reproduction:
        """Run the trial and compare; raises `UsageError` for one that cannot run again.

        With no tolerance given the metrics have to be equal where machine, threads and versions
        are as they were, and within `ELSEWHERE` where not.
        """
        trial = self._trial()
        recorded = self._recorded_environment(trial)
        self._take_threads(recorded)
        skill = load_skill(self.experiment.settings.skill)
        differing = environment.differences(recorded, environment.environment(skill.folder))
        with faults_of_the_user():
            skill.resolve("train", flatten(self._spec(trial)))
            data = skill.check(self._spec(trial))
        differing |= environment.differences(self.experiment.settings.data, data, prefix="data.")
        folder = self.experiment.paths.root / "reproduced" / f"{trial.number:04d}"
        shutil.rmtree(folder, ignore_errors=True)
        outcome, reports = self._train(trial, _end_of(trial), folder, watch)
        if tolerance is None:
            tolerance = ELSEWHERE if any(k.startswith(_SETTLES) for k in differing) else 0.0
        compared = _compare(trial, reports)
        return Reproduction(trial, folder, differing, outcome, compared, tolerance)

    def _trial(self) -> Trial:
        trials = self.experiment.ledger.trials
        if self.number not in trials:
            raise UsageError(
                f"{self.number} is no trial of {self.experiment.paths.root}; it has "
                f"{f'0 to {max(trials)}' if trials else 'none yet'}"
            )
        trial = trials[self.number]
        if trial.failure is not None and trial.failure.kind is FailureKind.INFEASIBLE:
            raise UsageError(
                f"trial {self.number:04d} was never started ({trial.failure.message}), so there "
                "is nothing to reproduce"
            )
        if not trial.reports and trial.failure is None:
            raise UsageError(f"trial {self.number:04d} has reported no epoch yet")
        return trial

    def _recorded_environment(self, trial: Trial) -> dict[str, Any]:
        path = self.experiment.paths.trial(trial.number) / environment.FILE
        if path.exists():
            return dict(json.loads(path.read_text()))
        # Of an experiment made before each trial told what it ran on.
        return {"versions": dict(self.experiment.settings.versions)}

    def _take_threads(self, recorded: Mapping[str, Any]) -> None:
        """Let the training use as many threads as it did: other sums would be rounded otherwise."""
        if "threads" in recorded:
            os.environ[environment.THREADS] = str(recorded["threads"])

    def _spec(self, trial: Trial) -> dict[str, Any]:
        """Return the spec of a trial, with the seed that was drawn for a seed of -1."""
        info = load_skill(self.experiment.settings.skill).info
        values: dict[str, Any] = {}
        if self.data is not None and info.data_key is not None:
            values[info.data_key] = self.data
        spec = self.experiment.spec_of(trial)
        ran = self.experiment.paths.trial(trial.number) / "experiment.yaml"
        if info.seed_key and flatten(spec).get(info.seed_key) == -1 and ran.exists():
            drawn = flatten(yaml.safe_load(ran.read_text())).get(info.seed_key, -1)
            values[info.seed_key] = drawn
        return with_values(spec, values)

    def _train(
        self, trial: Trial, end: int | None, folder: Path, watch: Watch
    ) -> tuple[Outcome, list[tuple[int, dict[str, float]]]]:
        """Train up to the epoch `end`; first what a trial began from the checkpoint of."""
        if trial.parent is not None and trial.reports:
            self._train_parent(trial, folder)
        reports: list[tuple[int, dict[str, float]]] = []

        def report(epoch: int, metrics: dict[str, float]) -> Decision:
            reports.append((epoch, metrics))
            watch(epoch, metrics)
            return _STOP if end is not None and epoch >= end else _CONTINUE

        skill = self.experiment.settings.skill
        task = Task(trial.number, skill, self._spec(trial), str(folder.resolve()))
        return run_task(task, report), reports

    def _train_parent(self, trial: Trial, folder: Path) -> None:
        """Train the parent up to the epoch that a child began from, and copy its checkpoint."""
        assert trial.parent is not None
        parent = self.experiment.ledger.trials[trial.parent]
        beside = folder.with_name(f"{folder.name}-from-{parent.number:04d}")
        shutil.rmtree(beside, ignore_errors=True)
        # A child tells the epoch of the checkpoint that it began from first.
        outcome, _ = self._train(parent, trial.reports[0].epoch, beside, lambda *_: None)
        if outcome.failure is not None:
            raise RunFailed(
                f"trial {parent.number:04d}, from whose checkpoint trial {trial.number:04d} began, "
                f"failed: {outcome.failure.message}"
            )
        last = load_skill(self.experiment.settings.skill).info.checkpoints["last"]
        (folder / last).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(beside / last, folder / last)
        shutil.rmtree(beside)


def _end_of(trial: Trial) -> int | None:
    """Return the epoch to stop at; None for what ended of itself."""
    is_own_end = trial.state in (TrialState.COMPLETED, TrialState.FAILED)
    return None if is_own_end else trial.epoch


def _compare(trial: Trial, reports: list[tuple[int, dict[str, float]]]) -> list[Compared]:
    """Pair what was recorded with what came again; costs were measured before the training."""
    again = dict(reports)
    return [
        Compared(told.epoch, metric, value, again.get(told.epoch, {}).get(metric))
        for told in trial.reports
        for metric, value in _own_metrics(trial, told).items()
    ]


def _own_metrics(trial: Trial, report: Report) -> dict[str, float]:
    return {k: v for k, v in report.metrics.items() if k not in trial.costs}
