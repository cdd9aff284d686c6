"""The searcher's interface and its parts: pure decisions, with no clock, thread, file or Ray."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from automl.trial.moves import Continue, Move, Start
from automl.trial.pareto import Loss
from automl.trial.trial import Outcome, Verdict

DEFAULTS = "the defaults"
EARLIER = "among the best of an earlier experiment"
"""Reasons of a start that the searchers share."""


@dataclass(frozen=True)
class Observation:
    """Values and the best loss that a trial of an earlier experiment reached with them."""

    values: dict[str, Any]
    loss: Loss


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

    def report(self, trial: int, epoch: int, value: Any) -> Verdict:
        """Take in an objective, or a tuple of several; return the decision and its reason.

        A trial that must pause ends with the state paused and may be continued.
        """
        ...

    def finish(self, trial: int, outcome: Outcome) -> None:
        """Take in how a trial ended; a failure is no value.

        Any outcome may come at any time, also one that nobody decided: a trial may fail, or be
        stopped because the budget is spent.
        """
        ...


class Proposer(Protocol):
    """Proposes values for trials, given the values and losses of those before."""

    def suggest(self, trial: int, attempt: int = 0) -> dict[str, Any] | None:
        """Return values; the same answer until the history changes, another for each attempt.

        None: there is nothing more to propose.
        """
        ...

    def start(self, trial: int, values: Mapping[str, Any]) -> None:
        """Take note that a trial with these values runs."""
        ...

    def report(self, trial: int, epoch: int, loss: Loss) -> None:
        """Take in a loss; one that is not finite is no value."""
        ...

    def finish(self, trial: int, outcome: Outcome) -> None:
        """Take in how a trial ended."""
        ...


class Rule(Protocol):
    """Decides how long trials train: until where, who pauses or stops, who goes on."""

    def first_epochs(self, trial: int) -> int:
        """Return up to which epoch a new trial trains."""
        ...

    def resume(self, *, is_last_call: bool) -> Continue | None:
        """Return the paused trial that is to go on; `is_last_call`: no new ones will start."""
        ...

    def start(self, move: Start | Continue) -> None:
        """Take note that a move is carried out."""
        ...

    def report(self, trial: int, epoch: int, loss: Loss) -> Verdict:
        """Take in a loss; return the decision and its reason."""
        ...

    def finish(self, trial: int, outcome: Outcome) -> None:
        """Take in how a trial ended."""
        ...


def canonical(values: Mapping[str, Any]) -> str:
    """Return a text that is equal for equal values, whatever their order."""
    return json.dumps(dict(values), sort_keys=True, default=str)
