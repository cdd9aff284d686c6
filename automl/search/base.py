"""The searcher's interface: pure decisions, with no clock, thread, file or Ray in it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from automl.trial import Decision, Outcome


@dataclass(frozen=True)
class Start:
    """Start a new trial with these values and train it up to `epochs`."""

    trial: int
    values: dict[str, Any]
    epochs: int


@dataclass(frozen=True)
class Continue:
    """Go on with a paused trial up to `epochs`."""

    trial: int
    epochs: int


@dataclass(frozen=True)
class Wait:
    """Nothing to start before a running trial reports or ends."""


@dataclass(frozen=True)
class Done:
    """Nothing is left to start."""


Move = Start | Continue | Wait | Done


class Searcher(Protocol):
    """Decides what runs.

    Only `start`, `report` and `finish` change it, so replaying them from a journal rebuilds it,
    and `next` may be asked any number of times.
    """

    def next(self) -> Move:
        """Return what a free slot is to do."""
        ...

    def start(self, move: Start | Continue) -> None:
        """Take note that a move is carried out."""
        ...

    def report(self, trial: int, epoch: int, value: float) -> Decision:
        """Take in an objective and return what the trial is to do."""
        ...

    def finish(self, trial: int, outcome: Outcome) -> None:
        """Take in how a trial ended; a failure is no value."""
        ...


class Proposer(Protocol):
    """Proposes values for trials, given the values and reports of those before."""

    def suggest(self, trial: int) -> dict[str, Any]:
        """Return values for a trial; the same answer until the history changes."""
        ...

    def start(self, trial: int, values: Mapping[str, Any]) -> None:
        """Take note that a trial with these values runs."""
        ...

    def report(self, trial: int, epoch: int, value: float) -> None:
        """Take in an objective."""
        ...

    def finish(self, trial: int, outcome: Outcome) -> None:
        """Take in how a trial ended."""
        ...
