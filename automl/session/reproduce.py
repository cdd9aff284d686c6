"""Runs one trial again from its record and compares the metrics."""

import math
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from automl.errors import Fault, RunFailed, UsageError
from automl.experiment import environment
from automl.experiment.derived import read_derived
from automl.experiment.experiment import Experiment
from automl.files import read_yaml_mapping
from automl.runners.base import Task, run_task
from automl.schema.spec import flatten, with_values
from automl.skill.failures import faults_of_the_user
from automl.skill.installed import load_skill
from automl.trial.trial import Decision, FailureKind, Outcome, Report, Trial, TrialState

ELSEWHERE = 0.01
"""How far metrics may differ, relative to the larger of them and 1, on another machine."""
_SETTLES = ("processor", "device", "threads", "platform", "versions.")
"""Parts of the environment that must be equal for a training to give the same numbers."""
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
        """The distance of the two, relative above 1; infinite if one is missing."""
        if self.again is None:
            return math.inf
        if self.recorded == self.again or (math.isnan(self.recorded) and math.isnan(self.again)):
            return 0.0
        distance = abs(self.again - self.recorded) / max(1.0, abs(self.recorded))
        return distance if math.isfinite(distance) else math.inf


@dataclass(frozen=True)
class Reproduction:
    """The result of a second run of a trial."""

    trial: Trial
    folder: Path
    differences: dict[str, tuple[Any, Any]]
    """Changes of environment and data, by name: then and now."""
    outcome: Outcome
    compared: list[Compared]
    tolerance: float

    @property
    def off(self) -> list[Compared]:
        """The metrics that differ by more than the tolerance."""
        return [row for row in self.compared if row.difference > self.tolerance]

    @property
    def faults(self) -> list[str]:
        """Differences from the record, a line each; none if the trial was reproduced."""
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
    """Runs a trial of an experiment again, in EXPERIMENT/reproduced/TRIAL, which it replaces."""

    experiment: Experiment
    number: int
    data: str | None = None
    """The data's folder now; None: the recorded one."""

    def run(self, *, tolerance: float | None = None, watch: Watch) -> Reproduction:
        """Run the trial and compare; raises `UsageError` for one that cannot run again.

        Without a tolerance the metrics must be equal if machine, threads and versions are as they
        were, and within `ELSEWHERE` if not.
        """
        trial = self._trial()
        recorded = self._recorded_environment(trial)
        with _threads(recorded.get("threads")):
            return self._run(trial, recorded, tolerance, watch)

    def _run(
        self, trial: Trial, recorded: Mapping[str, Any], tolerance: float | None, watch: Watch
    ) -> Reproduction:
        skill = load_skill(self.experiment.settings.skill)
        differing = environment.differences(recorded, environment.environment(skill.folder))
        with faults_of_the_user():
            skill.resolve("train", flatten(self._spec(trial)))
            # The facts are for the space of a search; settings.yaml does not keep them.
            data = {k: v for k, v in skill.check(self._spec(trial)).items() if k != "facts"}
        differing |= environment.differences(self.experiment.settings.data, data, prefix="data.")
        folder = self.experiment.paths.root / "reproduced" / f"{trial.number:04d}"
        shutil.rmtree(folder, ignore_errors=True)
        outcome, reports = self._train(trial, _end_of(trial), folder, watch)
        if tolerance is None:
            tolerance = ELSEWHERE if any(k.startswith(_SETTLES) for k in differing) else 0.0
        compared = _compare(trial, reports)
        return Reproduction(trial, folder, differing, outcome, compared, tolerance)

    def _trial(self) -> Trial:
        trials = self.experiment.history.trials
        if self.number not in trials:
            text = f"{self.number} is not a trial of {self.experiment.paths.root}; it has "
            text += f"0 to {max(trials)}" if trials else "none yet"
            raise UsageError(Fault(text, key="trial", value=self.number, allowed=sorted(trials)))
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
        recorded = read_derived(self.experiment.paths.trial(trial.number) / environment.FILE)
        if recorded:
            return recorded
        # The trial's worker died before it wrote the file, or the file is harmed.
        return {"versions": dict(self.experiment.settings.versions)}

    def _spec(self, trial: Trial) -> dict[str, Any]:
        """Return the spec of a trial; a seed of -1 becomes the one that the training chose."""
        info = load_skill(self.experiment.settings.skill).info
        values: dict[str, Any] = {}
        if self.data is not None and info.data_key is not None:
            values[info.data_key] = self.data
        spec = self.experiment.spec_of(trial)
        ran = self.experiment.paths.trial(trial.number) / "experiment.yaml"
        if info.seed_key and flatten(spec).get(info.seed_key) == -1 and ran.exists():
            values[info.seed_key] = flatten(read_yaml_mapping(ran)).get(info.seed_key, -1)
        return with_values(spec, values)

    def _train(
        self, trial: Trial, end: int | None, folder: Path, watch: Watch
    ) -> tuple[Outcome, list[tuple[int, dict[str, float]]]]:
        """Train up to the epoch `end`, the trial's parent first if it has one."""
        if trial.parent is not None and trial.reports:
            self._train_parent(trial, folder)
        reports: list[tuple[int, dict[str, float]]] = []

        def report(epoch: int, metrics: dict[str, float]) -> Decision:
            reports.append((epoch, metrics))
            watch(epoch, metrics)
            return _STOP if end is not None and epoch >= end else _CONTINUE

        skill = self.experiment.settings.skill
        metrics = self.experiment.settings.metrics
        task = Task(trial.number, skill, self._spec(trial), str(folder.resolve()), metrics)
        return run_task(task, report), reports

    def _train_parent(self, trial: Trial, folder: Path) -> None:
        """Train the parent up to the epoch that its child began from; copy its checkpoint."""
        assert trial.parent is not None
        parent = self.experiment.history.trials[trial.parent]
        beside = folder.with_name(f"{folder.name}-from-{parent.number:04d}")
        shutil.rmtree(beside, ignore_errors=True)
        # The first report of a child repeats the epoch of the checkpoint that it began from.
        outcome, _ = self._train(parent, trial.reports[0].epoch, beside, lambda *_: None)
        if outcome.failure is not None:
            raise RunFailed(
                f"trial {parent.number:04d}, from whose checkpoint trial {trial.number:04d} began, "
                f"failed: {outcome.failure.message}"
            )
        last = load_skill(self.experiment.settings.skill).info.checkpoint_in(beside, "last")
        if last is None:
            raise RunFailed(f"{beside}: has no checkpoint, from which the trial would begin")
        target = folder / last.relative_to(beside)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(last, target)
        shutil.rmtree(beside)


@contextmanager
def _threads(count: int | None) -> Iterator[None]:
    """Let the training use as many threads as it did: others would round its sums otherwise."""
    before = os.environ.get(environment.THREADS)
    if count is not None:
        os.environ[environment.THREADS] = str(count)
    try:
        yield
    finally:
        if before is None:
            os.environ.pop(environment.THREADS, None)
        else:
            os.environ[environment.THREADS] = before


def _end_of(trial: Trial) -> int | None:
    """Return the epoch to stop at; None for a trial that ended by itself."""
    is_own_end = trial.state in (TrialState.COMPLETED, TrialState.FAILED)
    return None if is_own_end else trial.epoch


def _compare(trial: Trial, reports: list[tuple[int, dict[str, float]]]) -> list[Compared]:
    """Pair recorded metrics with new ones, but for costs, which the training does not report."""
    again = dict(reports)
    return [
        Compared(recorded.epoch, metric, value, again.get(recorded.epoch, {}).get(metric))
        for recorded in trial.reports
        for metric, value in _own_metrics(trial, recorded).items()
    ]


def _own_metrics(trial: Trial, report: Report) -> dict[str, float]:
    return {k: v for k, v in report.metrics.items() if k not in trial.costs}
