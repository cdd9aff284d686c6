"""The interfaces of runner and driver, and the code that runs one task in a worker."""

import traceback
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

from automl.experiment import environment
from automl.experiment.memory import PeakMemory
from automl.files import write_json
from automl.redact import redacted
from automl.skill.failures import failure_from_error
from automl.skill.installed import load_skill
from automl.trial.moves import Done, Wait
from automl.trial.objective import MissingMetricError
from automl.trial.trial import Decision, Outcome, TrialState


@dataclass(frozen=True)
class Task:
    """One run of a trial: from its last checkpoint, if there is one, to the spec's end."""

    trial: int
    skill: str
    spec: dict[str, Any]
    folder: str
    metrics: Sequence[str] = ()
    """What every report must have: the metrics that are optimised or limited."""

    def to_dict(self) -> dict[str, Any]:
        """Return the plain form that travels to a worker."""
        return asdict(self)


class Driver(Protocol):
    """Hands out tasks and takes reports; the controller is one. Called from one thread only."""

    def next(self) -> Task | Wait | Done:
        """Return the task of a free slot."""
        ...

    def report(self, trial: int, epoch: int, metrics: dict[str, float]) -> Decision:
        """Take in the metrics of an epoch and return the decision on the trial.

        Raises `MissingMetricError` if the objective is not among them.
        """
        ...

    def finish(self, trial: int, outcome: Outcome) -> None:
        """Take in how a trial ended."""
        ...


class Runner(Protocol):
    """Runs the driver's tasks until it is done."""

    def run(self, driver: Driver) -> None:
        """Return when the driver says Done and every task has ended."""
        ...


def run_task(task: Task, report: Callable[[int, dict[str, float]], Decision]) -> Outcome:
    """Train one trial and return how it ended; whatever the skill raises becomes data.

    What `report` raises is not the skill's fault and is raised again, whatever the skill made of
    it; only a missing metric is the trial's failure. The trace of an error goes to the trial's
    log.txt, what it ran on to environment.json.
    """
    answer = _Answer(report)
    folder = Path(task.folder)
    try:
        skill = load_skill(task.skill, metrics=task.metrics)
        write_json(folder / environment.FILE, environment.environment(skill.folder))
        with PeakMemory(folder):
            skill.run("train", task.spec, folder, answer)
    except Exception as error:  # A skill may raise anything; a failed trial is data.
        if answer.error is None:
            return _failed(folder, error)
    if isinstance(answer.error, MissingMetricError):
        return _failed(folder, answer.error)
    if answer.error is not None:
        raise answer.error
    return Outcome(answer.last.state)


class _Answer:
    """The callback of a skill: passes reports on, keeps the last decision and the first error."""

    def __init__(self, report: Callable[[int, dict[str, float]], Decision]) -> None:
        self._report = report
        self.last = Decision.CONTINUE
        self.error: Exception | None = None

    def __call__(self, epoch: int, metrics: dict[str, float]) -> str:
        try:
            self.last = self._report(epoch, metrics)
        except Exception as error:
            self.error = self.error or error
            raise
        return self.last.value


def _failed(folder: Path, error: Exception) -> Outcome:
    _log_trace(folder, error)
    return Outcome(TrialState.FAILED, failure_from_error(error))


def _log_trace(folder: Path, error: Exception) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "log.txt").open("a") as log:
        log.write(redacted("".join(traceback.format_exception(error))))
