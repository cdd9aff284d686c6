"""A searcher made of a proposer, a stopping rule and a budget of trials."""

from automl.budget import Budget
from automl.objective import Objective
from automl.search.base import Continue, Done, Move, Proposer, Start, Wait
from automl.search.halving import SuccessiveHalving
from automl.trial import Decision, Outcome


class HalvingSearcher:
    """Starts trials as the proposer says and stops the poor ones at the rungs.

    Trial 0, the defaults, is the baseline that the others are measured against: it is never
    stopped early.
    """

    def __init__(self, proposer: Proposer, objective: Objective, budget: Budget) -> None:
        self._proposer = proposer
        self._objective = objective
        self._budget = budget
        self._rule = SuccessiveHalving(objective, budget.epochs)
        self._started = 0
        self._running: set[int] = set()
        self._best: dict[int, float] = {}

    def next(self) -> Move:
        """Return the next trial while the budget lasts; Done once all have ended."""
        if self._started < self._budget.trials:
            trial = self._started
            return Start(trial, self._proposer.suggest(trial), self._budget.epochs)
        return Wait() if self._running else Done()

    def start(self, move: Start | Continue) -> None:
        """Take note of a started trial."""
        if isinstance(move, Start):
            self._started += 1
            self._proposer.start(move.trial, move.values)
        self._running.add(move.trial)

    def report(self, trial: int, epoch: int, value: float) -> Decision:
        """Stop a trial that is not among the best at a rung."""
        self._proposer.report(trial, epoch, value)
        best = self._best.get(trial, float("nan"))
        if self._objective.is_better(value, best):
            best = self._best[trial] = value
        is_kept = self._rule.keeps(trial, epoch, best)
        return Decision.CONTINUE if is_kept or trial == 0 else Decision.STOP

    def finish(self, trial: int, outcome: Outcome) -> None:
        """Free the trial's place."""
        self._running.discard(trial)
        self._proposer.finish(trial, outcome)
