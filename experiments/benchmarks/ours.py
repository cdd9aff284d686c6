"""`auto` on a task of the benchmark, built as `automl run` builds it."""

from automl.search.algorithms import make_searcher
from automl.search.base import OpenSearcher, TimedSearcher
from automl.trial.budget import UNLIMITED, Budget
from automl.trial.moves import Continue, Move, Start
from automl.trial.objective import Objective
from automl.trial.trial import Outcome, Verdict
from experiments.benchmarks.tasks import EPOCHS, Task


def make_auto(task: Task, *, seed: int, budget: int | None) -> OpenSearcher:
    """Return the project's own searcher within the budget of epochs, None for one of seconds."""
    return make_searcher(
        "auto",
        task.space,
        Objective("value", task.mode),
        Budget(UNLIMITED, EPOCHS, budget_epochs=budget),
        seed=seed,
    )


class EqualCosts:
    """A searcher that is told of every epoch that it took the time of the median configuration."""

    def __init__(self, searcher: OpenSearcher) -> None:
        self._searcher = searcher

    def next(self) -> Move:
        """Return the other searcher's move."""
        return self._searcher.next()

    def start(self, move: Start | Continue) -> None:
        """Pass a move on."""
        self._searcher.start(move)

    def report(self, trial: int, epoch: int, value: float) -> Verdict:
        """Pass a report on."""
        return self._searcher.report(trial, epoch, value)

    def finish(self, trial: int, outcome: Outcome) -> None:
        """Pass an outcome on."""
        self._searcher.finish(trial, outcome)

    def foresee(self, seconds: float) -> None:
        """Pass on what is left."""
        if isinstance(self._searcher, TimedSearcher):
            self._searcher.foresee(seconds)

    def took(self, trial: int, seconds: float, *, is_first: bool) -> None:
        """Tell the time of the median configuration."""
        if isinstance(self._searcher, TimedSearcher):
            self._searcher.took(trial, 1.0, is_first=is_first)
