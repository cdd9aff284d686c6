"""Ends a search once its budget of epochs is spent or little improvement is expected."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from automl.search.base import OpenSearcher, TimedSearcher
from automl.search.searcher import loss_of
from automl.trial.budget import Budget
from automl.trial.epochs import EpochCounter
from automl.trial.moves import Continue, Done, Move, Start, Wait
from automl.trial.objective import Objective
from automl.trial.trial import Decision, Outcome, Verdict

if TYPE_CHECKING:
    from automl.search.terminator import ImprovementTerminator


class BudgetedSearcher:
    """Another searcher, within the epochs that all trials may train together.

    Each running trial has one epoch reserved; no trial starts or continues whose next epoch would
    exceed the budget. With a terminator, no new trial starts once it says so.
    """

    def __init__(
        self,
        searcher: OpenSearcher,
        budget: Budget,
        objectives: Sequence[Objective],
        terminator: "ImprovementTerminator | None" = None,
    ) -> None:
        self._objectives = tuple(objectives)
        self._terminator = terminator
        self._searcher = searcher
        self._budget = budget
        self._epochs = EpochCounter()
        self._running: set[int] = set()

    def next(self) -> Move:
        """Return the other searcher's move while the budget has an epoch for it."""
        if not self._has_epoch_for(len(self._running)):
            return Wait() if self._running else Done(self._spent_budget)
        move = self._searcher.next()
        if isinstance(move, Start) and self._terminator is not None and self._terminator.is_over():
            return Wait() if self._running else Done("little further improvement is expected")
        return move

    def start(self, move: Start | Continue) -> None:
        """Pass a move on."""
        self._searcher.start(move)
        self._running.add(move.trial)
        if self._terminator is not None and isinstance(move, Start):
            self._terminator.start(move.trial, move.values)
        if isinstance(move, Start):
            self._epochs.start(move.trial, move.parent)

    def add(self, values: Mapping[str, Any]) -> Move:
        """Return the start of a trial by hand if the budget has an epoch for it."""
        if not self._has_epoch_for(len(self._running)):
            return Wait() if self._running else Done(self._spent_budget)
        return self._searcher.add(values)

    def report(self, trial: int, epoch: int, value: Any) -> Verdict:
        """Count the epoch; stop the trial if no other is left for it."""
        verdict = self._searcher.report(trial, epoch, value)
        if self._terminator is not None:
            self._terminator.report(trial, epoch, loss_of(self._objectives, value))
        self._epochs.report(trial, epoch)
        is_full = epoch >= self._budget.epochs
        others = len(self._running - {trial})
        is_continued = verdict.decision is Decision.CONTINUE
        if is_continued and not is_full and not self._has_epoch_for(others):
            return Verdict(Decision.STOP, self._spent_budget)
        return verdict

    def foresee(self, seconds: float) -> None:
        """Pass on the seconds that are left, to a searcher that plans by them."""
        if isinstance(self._searcher, TimedSearcher):
            self._searcher.foresee(seconds)

    def took(self, trial: int, seconds: float, *, is_first: bool) -> None:
        """Pass on what an epoch took."""
        if isinstance(self._searcher, TimedSearcher):
            self._searcher.took(trial, seconds, is_first=is_first)

    def finish(self, trial: int, outcome: Outcome) -> None:
        """Pass an outcome on."""
        self._running.discard(trial)
        self._searcher.finish(trial, outcome)
        if self._terminator is not None:
            self._terminator.finish(trial, outcome)

    @property
    def _spent_budget(self) -> str:
        return f"the budget of {self._budget.budget_epochs} epochs is spent"

    def _has_epoch_for(self, others: int) -> bool:
        limit = self._budget.budget_epochs
        return limit is None or self._epochs.spent + others + 1 <= limit
