"""The runner's interface, and what runs in a worker: one task of one trial."""

import traceback
from collections.abc import Callable
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
from automl.trial.trial import Decision, Outcome, TrialState


@dataclass(frozen=True)
class Task:
    """One run of a trial: from its last checkpoint, where there is one, to the spec's end."""

    trial: int
    skill: str
    spec: dict[str, Any]
    folder: str

    def to_dict(self) -> dict[str, Any]:
        """Return the plain form that travels to a worker."""
        return asdict(self)


class Driver(Protocol):
    """What a runner asks and tells; the controller is one. Called from one thread only."""

    def next(self) -> Task | Wait | Done:
        """Return what a free slot is to do."""
        ...

    def report(self, trial: int, epoch: int, metrics: dict[str, float]) -> Decision:
        """Take in the metrics of an epoch and return what the trial is to do."""
        ...

    def finish(self, trial: int, outcome: Outcome) -> None:
        """Take in how a trial ended."""
        ...


class Runner(Protocol):
    """Runs what the driver hands out until it is done."""

    def run(self, driver: Driver) -> None:
        """Return when the driver says Done and every task has ended."""
        ...


def run_task(task: Task, report: Callable[[int, dict[str, float]], Decision]) -> Outcome:
    """Train one trial and return how it ended; whatever the skill raises becomes data.

    The trace of an error goes to the trial's log.txt, what it ran on to environment.json.
    """
    last = Decision.CONTINUE

    def answer(epoch: int, metrics: dict[str, float]) -> str:
        nonlocal last
        last = report(epoch, metrics)
        return last.value

    folder = Path(task.folder)
    try:
        skill = load_skill(task.skill)
        write_json(folder / environment.FILE, environment.environment(skill.folder))
        with PeakMemory(folder):
            skill.run("train", task.spec, folder, answer)
    except Exception as error:  # A skill may raise anything; a failed trial is data.
        _log_trace(folder)
        return Outcome(TrialState.FAILED, failure_from_error(error))
    return Outcome(last.state)


def _log_trace(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "log.txt").open("a") as log:
        log.write(redacted(traceback.format_exc()))
