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
from automl.trial.objective import ReportError, numbers_of_report
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
    epochs: int | None = None
    """The last epoch of a full training, after which the answer is stop."""
    silence_s: float | None = None
    """Seconds without a report after which the training counts as hung; None: never."""
    time_s: float | None = None
    """Seconds that it may run; it is ended if it has not stopped by itself before."""

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

        Raises `ReportError` for a report that makes no sense: the fault is the trial's.
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


ReportMetrics = Callable[[int, dict[str, float]], Decision]
"""Takes the metrics of an epoch and answers with the decision on the trial."""


def run_task(task: Task, report: ReportMetrics) -> Outcome:
    """Train one trial and return how it ended; whatever the skill raises becomes data.

    What `report` raises is not the skill's fault and is raised again, whatever the skill made of
    it; only a `ReportError` is the trial's failure. The trace of an error goes to the trial's
    log.txt, what it ran on to environment.json.
    """
    answer = _Answer(report, task.epochs)
    folder = Path(task.folder)
    try:
        skill = load_skill(task.skill, metrics=task.metrics)
        write_json(folder / environment.FILE, environment.environment(skill.folder))
        with PeakMemory(folder):
            skill.run("train", task.spec, folder, answer)
    except Exception as error:  # A skill may raise anything; a failed trial is data.
        if answer.error is None:
            return failed(folder, error)
    if isinstance(answer.error, ReportError):
        return failed(folder, answer.error)
    if answer.error is not None:
        raise answer.error
    return Outcome(answer.last.state)


class _Answer:
    """The callback of a skill: passes reports on, keeps the last decision and the first error."""

    def __init__(self, report: ReportMetrics, epochs: int | None) -> None:
        self._report = report
        self._epochs = epochs
        self.last = Decision.CONTINUE
        self.error: Exception | None = None

    def __call__(self, epoch: int, metrics: dict[str, float]) -> str:
        try:
            self.last = self._report(int(epoch), numbers_of_report(epoch, metrics))
        except Exception as error:
            self.error = self.error or error
            raise
        # The trial has then completed, and was not stopped.
        is_over = self._epochs is not None and epoch >= self._epochs
        return Decision.STOP.value if is_over else self.last.value


def failed(folder: Path, error: Exception) -> Outcome:
    """Return the outcome of an error, whose trace goes to the trial's log.txt."""
    _log_trace(folder, error)
    return Outcome(TrialState.FAILED, failure_from_error(error))


def _log_trace(folder: Path, error: Exception) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "log.txt"
    if path.exists() and not path.is_file():  # A training may leave a pipe, which is waited for.
        return
    with path.open("a") as log:
        log.write(redacted("".join(traceback.format_exception(error))))
