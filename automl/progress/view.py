"""An experiment at one moment, as plain data: made by `Monitor`, drawn by `Screen`."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from automl.experiment.pace import Limit, TimeLeft


class What(StrEnum):
    """Kinds of happenings."""

    OPENED = "opened"
    STARTED = "started"
    CONTINUED = "continued"
    """A paused trial goes on."""
    RESUMED = "resumed"
    """A trial that was cut off goes on."""
    REPORTED = "reported"
    PAUSED = "paused"
    STOPPED = "stopped"
    ENDED = "ended"
    """Was paused, and the search is over."""
    COMPLETED = "completed"
    INFEASIBLE = "infeasible"
    FAILED = "failed"
    LOST = "lost"
    HALVED = "halved"
    PROMOTING = "promoting"
    PROMOTED = "promoted"
    CLOSED = "closed"


@dataclass(frozen=True)
class Message:
    """One thing that happened and why, in words; `trial` is None for the experiment itself."""

    time: float
    what: What
    trial: int | None
    text: str
    epoch: int | None = None
    """Of a report, and of what was decided on it."""
    metrics: Mapping[str, float | None] | None = None
    detail: str = ""
    """For those who have the room: the values that a trial starts with."""

    def line(self) -> str:
        """Return the one line that tells it."""
        return self.text if self.trial is None else f"trial {self.trial:04d} {self.text}"

    def to_dict(self) -> dict[str, Any]:
        """Return the plain form of JSON lines; `epoch` and `metrics` only where there are any."""
        plain: dict[str, Any] = {
            "time": self.time, "what": self.what.value, "trial": self.trial, "text": self.text,
        }  # fmt: skip
        return plain if self.epoch is None else {
            **plain, "epoch": self.epoch, "metrics": dict(self.metrics or {}),
        }  # fmt: skip


@dataclass(frozen=True)
class BestSoFar:
    """The best trial and what it gained over trial 0, which has the defaults."""

    trial: int
    value: float
    epoch: int
    default: float | None
    """Best value of trial 0; None while it has none."""
    gain: float | None
    """Above 0 where the best is better than trial 0, whatever the direction."""


@dataclass(frozen=True)
class RunningTrial:
    """A trial that is being trained."""

    trial: int
    epoch: int
    epochs: int
    """Up to which it trains before the searcher looks again."""
    value: float | None
    """Objective of the last epoch."""
    curve: tuple[float, ...]
    """Objective by epoch; NaN where it was no number."""
    seconds: float
    note: str
    """What is special about it: the defaults, a copy, a repeat; else empty."""


@dataclass(frozen=True)
class View:
    """An experiment at one moment."""

    experiment: str
    state: str
    """running, interrupted, stopped, failed or finished."""
    phase: str
    """starting, searching, confirming or promoting while it runs; else the state."""
    algorithm: str
    metric: str
    mode: str
    seconds: float
    """That the sessions took."""
    epochs: int
    """Trained by the search's trials together."""
    limits: tuple[Limit, ...]
    left: TimeLeft | None
    """None before some epochs ended, and where nothing runs."""
    best: BestSoFar | None
    best_curve: tuple[float, ...]
    """Best so far after each epoch of any trial."""
    running: tuple[RunningTrial, ...]
    states: Mapping[str, int]
    """How many trials are in each state."""
    failures: Mapping[str, int]
    """How many trials failed, by kind."""
    recent: tuple[Message, ...]
    """What happened lately, oldest first; reports are left out."""
    model: str | None
    """The promoted model."""

    def to_dict(self) -> dict[str, Any]:
        """Return the plain form of ``--json``."""
        return {
            **asdict(self),
            "states": dict(self.states),
            "failures": dict(self.failures),
            "recent": [happening.to_dict() for happening in self.recent],
        }
