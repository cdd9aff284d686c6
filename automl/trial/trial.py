"""The records of one trial: its state, its reports and how it ended."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from automl.trial.numbers import metrics_from_json
from automl.trial.objective import Objective, RunningBest


class TrialState(StrEnum):
    """The state of a trial; completed, stopped and failed are final."""

    RUNNING = "running"
    PAUSED = "paused"
    COMPLETED = "completed"
    STOPPED = "stopped"
    FAILED = "failed"

    @property
    def is_final(self) -> bool:
        """Whether the trial will never run again."""
        return self in (TrialState.COMPLETED, TrialState.STOPPED, TrialState.FAILED)


class FailureKind(StrEnum):
    """Why a trial failed."""

    OUT_OF_MEMORY = "out_of_memory"
    DIVERGED = "diverged"
    BAD_DATA = "bad_data"
    USAGE = "usage"
    """The user's mistake in the settings."""
    CRASHED = "crashed"
    NO_METRIC = "no_metric"
    BAD_REPORT = "bad_report"
    """It reported what makes no sense: an epoch out of order, a metric that is no number."""
    LOST = "lost"
    """Its process died."""
    HUNG = "hung"
    """It reported nothing for too long and was ended."""
    MACHINE = "machine"
    """The disk is full or cannot be read or written."""
    INFEASIBLE = "infeasible"
    """It breaks a constraint that was checked before the launch, and was never started."""
    REJECTED = "rejected"
    """It ran to its end, and a gate refused its result."""


class Decision(StrEnum):
    """The answer to a report: what the trial does next."""

    CONTINUE = "continue"
    PAUSE = "pause"
    STOP = "stop"

    @property
    def state(self) -> TrialState:
        """The state of a trial whose last report got this answer."""
        ends = {Decision.PAUSE: TrialState.PAUSED, Decision.STOP: TrialState.STOPPED}
        return ends.get(self, TrialState.COMPLETED)


@dataclass(frozen=True)
class Verdict:
    """A searcher's decision on a report, and its reason in words."""

    decision: Decision
    reason: str = ""


CONTINUE = Verdict(Decision.CONTINUE)
"""Needs no reason: the trial trains as it was started."""


@dataclass(frozen=True)
class Failure:
    """A failed trial's kind and the last line of its error."""

    kind: FailureKind
    message: str

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> "Failure":
        """Return the failure of a plain form; the inverse of `to_dict`."""
        return cls(FailureKind(content["kind"]), content["message"])

    def to_dict(self) -> dict[str, str]:
        """Return the plain form of the journal and of ``--json``."""
        return {"kind": self.kind.value, "message": self.message}


@dataclass(frozen=True)
class Outcome:
    """How a trial's run ended: a state, and the failure if it failed."""

    state: TrialState
    failure: Failure | None = None

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> "Outcome":
        """Return the outcome that an event or a worker's message holds."""
        failure = content.get("failure")
        return cls(
            TrialState(content["state"]), None if failure is None else Failure.from_dict(failure)
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the plain form that the journal keeps and that a worker sends."""
        return {
            "state": self.state.value,
            "failure": None if self.failure is None else self.failure.to_dict(),
        }


@dataclass(frozen=True)
class Report:
    """The metrics of one epoch, counted from 1, at a time in seconds since 1970."""

    epoch: int
    metrics: dict[str, float]
    decision: Decision
    time: float
    reason: str = ""
    """Why the searcher paused or stopped the trial here."""

    @classmethod
    def from_event(cls, event: Mapping[str, Any]) -> "Report":
        """Return the report that an event of the journal holds."""
        metrics, reason = metrics_from_json(event["metrics"]), event.get("reason", "")
        return cls(event["epoch"], metrics, Decision(event["decision"]), event["time"], reason)


@dataclass
class Trial:
    """One training of the experiment, as recorded in the journal."""

    number: int
    values: dict[str, Any]
    epochs: int
    started: float
    state: TrialState = TrialState.RUNNING
    reports: list[Report] = field(default_factory=list)
    seconds: float = 0.0
    failure: Failure | None = None
    losses: int = 0
    """How often its process died or hung."""
    retries: int = 0
    """How often it was tried again after a crash."""
    parent: int | None = None
    """The trial whose last checkpoint it began from."""
    confirms: int | None = None
    """The trial that it repeats with another seed; the searcher does not know of repeats."""
    adjusted: dict[str, Any] = field(default_factory=dict)
    """Further keys of its spec: a halved batch after out of memory, a fresh seed."""
    halvings: int = 0
    """How often it was restarted at half the batch size."""
    costs: dict[str, float] = field(default_factory=dict)
    """Metrics measured before its launch, e.g. parameters; part of each report's metrics."""
    reason: str = ""
    """Why it was started with these values."""
    request: str | None = None
    """The request that added it by hand."""
    shortened_to: int | None = None
    """Its last epoch, if it was shortened so that it ends in time."""
    is_stop_requested: bool = False
    """Whether somebody asked to stop it; it ends at its next report."""

    def __repr__(self) -> str:
        return f"Trial({self.number}, {self.state}, epoch {self.epoch} of {self.epochs})"

    @property
    def epoch(self) -> int:
        """The last reported epoch, 0 before the first."""
        return self.reports[-1].epoch if self.reports else 0

    @property
    def is_stopped(self) -> bool:
        """Whether its last report was answered with a stop."""
        return bool(self.reports) and self.reports[-1].decision is Decision.STOP

    def best_report(self, objective: Objective) -> Report | None:
        """Return the report with the best objective, the first of equals."""
        best, running = None, RunningBest(objective)
        for report in self.reports:
            if running.improves(objective.value(report.metrics)):
                best = report
        return best

    def value(self, objective: Objective) -> float | None:
        """Return the trial's best objective; None without a report or if it failed."""
        best = self.best_report(objective)
        if best is None or self.state is TrialState.FAILED:
            return None
        return objective.value(best.metrics)


@dataclass(frozen=True)
class TransferTrial:
    """A configuration that was trained on several other data sets."""

    values: dict[str, Any]
    losses: tuple[float, ...]
    """By data set the best loss of the training; infinite where it diverged."""


@dataclass(frozen=True)
class PastTrial:
    """A trial of an earlier experiment on the same space, data and objectives."""

    values: dict[str, Any]
    curve: Mapping[int, float | tuple[float, ...]] = field(default_factory=dict)
    """Objective by epoch, as `Searcher.report` takes it; empty for a trial that failed."""
