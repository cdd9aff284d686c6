"""An experiment at one moment, as plain data: made by `Monitor`, drawn by `Screen`."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from automl.experiment.pace import Limit, TimeLeft
from automl.progress.steps import Steps


class What(StrEnum):
    """Kinds of messages."""

    OPENED = "opened"
    STARTED = "started"
    CONTINUED = "continued"
    """A paused trial resumes."""
    RESUMED = "resumed"
    """An interrupted trial resumes."""
    REPORTED = "reported"
    PAUSED = "paused"
    STOPPED = "stopped"
    ENDED = "ended"
    """The search ended while the trial was paused."""
    COMPLETED = "completed"
    INFEASIBLE = "infeasible"
    FAILED = "failed"
    LOST = "lost"
    RETRIED = "retried"
    HALVED = "halved"
    SHORTENED = "shortened"
    """Its last epoch comes sooner, so that it ends in time."""
    STOP_REQUESTED = "stop_requested"
    """Somebody asked to stop the trial; it ends after its epoch."""
    REFUSED = "refused"
    """A request by hand that was not carried out."""
    PROMOTING = "promoting"
    PROMOTED = "promoted"
    CLOSED = "closed"


@dataclass(frozen=True)
class Message:
    """An event in words, with its reason; `trial` is None for the experiment itself."""

    time: float
    what: What
    trial: int | None
    text: str
    epoch: int | None = None
    """Of a report, and of the decision on it."""
    metrics: Mapping[str, float | None] | None = None
    detail: str = ""
    """The values that a trial starts with, for screens with room."""

    def line(self) -> str:
        """Return the message as a line."""
        return self.text if self.trial is None else f"trial {self.trial:04d} {self.text}"

    def to_dict(self) -> dict[str, Any]:
        """Return the plain form of JSON lines; `epoch` and `metrics` only if it has them."""
        plain: dict[str, Any] = {
            "time": self.time, "what": self.what.value, "trial": self.trial, "text": self.text,
        }  # fmt: skip
        return plain if self.epoch is None else {
            **plain, "epoch": self.epoch, "metrics": dict(self.metrics or {}),
        }  # fmt: skip


@dataclass(frozen=True)
class BestSoFar:
    """The best trial and its gain over trial 0, which has the defaults."""

    trial: int
    value: float
    epoch: int
    default: float | None
    """Best value of trial 0; None while it has none."""
    gain: float | None
    """Above 0 if the best beats trial 0, in either direction of the metric."""


@dataclass(frozen=True)
class RunningTrial:
    """A trial that is being trained."""

    trial: int
    epoch: int
    epochs: int
    """The epoch at which the searcher decides again."""
    value: float | None
    """Objective of the last epoch."""
    curve: tuple[float, ...]
    """Objective by epoch; NaN if it was not finite."""
    seconds: float
    note: str
    """Why it runs: the defaults, a copy, a repeat; else empty."""
    steps: Steps | None = None
    """Where it is within the epoch, if its skill says so."""


@dataclass(frozen=True)
class RankedTrial:
    """A trial of the leaderboard, in any state but failed."""

    trial: int
    value: float
    """Its best objective."""
    epoch: int
    """The epoch of that value."""
    trained: int
    epochs: int
    state: str
    note: str
    """The values that it has, as far as they differ from the defaults."""


@dataclass(frozen=True)
class View:
    """An experiment at one moment."""

    experiment: str
    state: str
    """running, interrupted, stopped, failed or finished."""
    phase: str
    """While it runs: starting, searching, confirming or promoting; otherwise the state."""
    algorithm: str
    metric: str
    mode: str
    time: float
    """When this was so, in seconds since 1970."""
    seconds: float
    """Time that the sessions took."""
    epochs: int
    """Epochs that the trials of the search trained together."""
    limits: tuple[Limit, ...]
    left: TimeLeft | None
    """None until some epochs have finished, and if nothing runs."""
    best: BestSoFar | None
    best_curve: tuple[float, ...]
    """Best so far after each epoch of any trial."""
    running: tuple[RunningTrial, ...]
    states: Mapping[str, int]
    """How many trials are in each state."""
    failures: Mapping[str, int]
    """How many trials failed, by kind."""
    recent: tuple[Message, ...]
    """The latest messages, oldest first, without reports."""
    measured: int
    """Trials of the search that have a value."""
    ranking: tuple[RankedTrial, ...]
    """The best of them, best first."""
    failure: Message | None
    """The latest failure of a trial."""
    model: str | None
    """The promoted model."""
    promoting: Steps | None = None
    """Where a promotion is, if its skill says so."""

    def to_dict(self) -> dict[str, Any]:
        """Return the plain form of ``--json``."""
        return {
            **asdict(self),
            "states": dict(self.states),
            "failures": dict(self.failures),
            "recent": [message.to_dict() for message in self.recent],
            "failure": None if self.failure is None else self.failure.to_dict(),
        }
