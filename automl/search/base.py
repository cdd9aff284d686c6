"""The searcher's interface and its parts: pure decisions, with no clock, thread, file or Ray."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from automl.trial.moves import Continue, Move, Start
from automl.trial.pareto import Loss
from automl.trial.trial import Outcome, Verdict

DEFAULTS = "the defaults"
EARLIER = "among the best of an earlier experiment"
"""Reasons of a start that the searchers share."""


@dataclass(frozen=True)
class Observation:
    """Values of an earlier experiment's trial, and the best loss that it reached."""

    values: dict[str, Any]
    loss: Loss


class Searcher(Protocol):
    """Decides what runs.

    Only `start`, `report` and `finish` change it, and those of `TimedSearcher`, so replaying them
    from a journal rebuilds it, and `next` may be called any number of times.
    """

    def next(self) -> Move:
        """Return the move of a free slot."""
        ...

    def start(self, move: Start | Continue) -> None:
        """Record that a move is carried out."""
        ...

    def report(self, trial: int, epoch: int, value: Any) -> Verdict:
        """Record an objective, or a tuple of several; return the decision and its reason.

        A trial that must pause ends with the state paused and may be continued.
        """
        ...

    def finish(self, trial: int, outcome: Outcome) -> None:
        """Record how a trial ended; a failure is no value.

        Any outcome may come at any time, also one that the searcher did not decide: a trial may
        fail, or be stopped because the budget is spent.
        """
        ...


@runtime_checkable
class TimedSearcher(Protocol):
    """A searcher that plans by seconds; it is told those of the journal and has no clock."""

    def foresee(self, seconds: float) -> None:
        """Record how many seconds a worker has left; called before each report."""
        ...

    def took(self, trial: int, seconds: float, *, is_first: bool) -> None:
        """Record what an epoch took, after its report; the first one after a start includes it."""
        ...


class OpenSearcher(Searcher, Protocol):
    """A searcher that takes trials by hand, too."""

    def add(self, values: Mapping[str, Any]) -> Move:
        """Return the start of a trial by hand, beyond those of the budget; `start` records it.

        Wait or Done if there is no room for it now or no more.
        """
        ...


class Proposer(Protocol):
    """Proposes values for trials, given the values and losses of those before."""

    def suggest(self, trial: int, attempt: int = 0) -> dict[str, Any] | None:
        """Return values: the same until the history changes, others for each attempt.

        None if there is nothing more to propose.
        """
        ...

    def start(self, trial: int, values: Mapping[str, Any]) -> None:
        """Record that a trial with these values runs."""
        ...

    def report(self, trial: int, epoch: int, loss: Loss) -> None:
        """Record a loss; one that is not finite is no value."""
        ...

    def finish(self, trial: int, outcome: Outcome) -> None:
        """Record how a trial ended."""
        ...


class Rule(Protocol):
    """Decides how long trials train: which of them pause, stop or are resumed."""

    def first_epochs(self, trial: int) -> int:
        """Return the epoch up to which a new trial trains."""
        ...

    def resume(self, *, is_last_call: bool) -> Continue | None:
        """Return the paused trial to resume, if any; `is_last_call`: no new ones will start."""
        ...

    def start(self, move: Start | Continue) -> None:
        """Record that a move is carried out."""
        ...

    def report(self, trial: int, epoch: int, loss: Loss) -> Verdict:
        """Record a loss; return the decision and its reason."""
        ...

    def finish(self, trial: int, outcome: Outcome) -> None:
        """Record how a trial ended."""
        ...


def canonical(values: Mapping[str, Any]) -> str:
    """Return a text that is equal for equal values, whatever their order."""
    return json.dumps(dict(values), sort_keys=True, default=str)
