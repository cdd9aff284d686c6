"""A searcher made of a proposer, a rule of how long trials train, and a number of trials."""

from collections.abc import Mapping, Sequence
from typing import Any

from automl.search.base import DEFAULTS, EARLIER, Proposer, Rule, canonical
from automl.search.seeds import rng_of
from automl.space.space import SearchSpace
from automl.trial.moves import Continue, Done, Move, Start, Wait
from automl.trial.objective import Objective
from automl.trial.pareto import Loss
from automl.trial.trial import CONTINUE, Decision, Outcome, Verdict

_ATTEMPTS = 20
"""Proposals tried before a neighbour of the last one is taken."""
_NEIGHBOURS = 200
"""Neighbours tried before the space counts as used up."""


class TrialSearcher:
    """Starts what the proposer suggests, never the same values twice, and follows the rule.

    Trial 0 has the defaults and is never stopped early; the best of earlier experiments follow.
    All parts see losses: a value to maximise is negated, so both directions give the same
    decisions.
    """

    def __init__(
        self,
        space: SearchSpace,
        objectives: Sequence[Objective],
        proposer: Proposer,
        rule: Rule,
        *,
        trials: int,
        seed: int,
        first: Sequence[dict[str, Any]] = (),
    ) -> None:
        self._space = space
        self._objectives = tuple(objectives)
        self._proposer = proposer
        self._rule = rule
        self._trials = trials
        self._seed = seed
        self._first = [dict(values) for values in first]
        self._seen: set[str] = set()
        self._started = 0
        self._running: set[int] = set()
        self._move: Move | None = None

    def next(self) -> Move:
        """Return a promotion, else a new trial while there is one, else Wait or Done."""
        if self._move is None:
            self._move = self._next()
        return self._move

    def _next(self) -> Move:
        promotion = self._rule.resume(is_last_call=False)
        if promotion is not None:
            return promotion
        if self._started < self._trials:
            trial = self._started
            values, reason = self._new_values(trial)
            if values is not None:
                return Start(trial, values, self._rule.first_epochs(trial), reason=reason)
            end = "no new values are left in the search space"
        else:
            end = f"all {self._trials} trials have ended"
        return self._rule.resume(is_last_call=True) or (Wait() if self._running else Done(end))

    def start(self, move: Start | Continue) -> None:
        """Record a started or resumed trial."""
        self._move = None
        if isinstance(move, Start):
            self._trials += move.request is not None
            self._started = max(self._started, move.trial + 1)
            self._seen.add(canonical(move.values))
            self._proposer.start(move.trial, move.values)
        self._rule.start(move)
        self._running.add(move.trial)

    def add(self, values: Mapping[str, Any]) -> Move:
        """Return the start of a trial by hand, as long as the rule lets a new one train."""
        return Start(self._started, dict(values), self._rule.first_epochs(self._started))

    def report(self, trial: int, epoch: int, value: Any) -> Verdict:
        """Report to both parts and return the rule's verdict."""
        self._move = None
        loss = loss_of(self._objectives, value)
        self._proposer.report(trial, epoch, loss)
        verdict = self._rule.report(trial, epoch, loss)
        return CONTINUE if verdict.decision is Decision.STOP and trial == 0 else verdict

    def finish(self, trial: int, outcome: Outcome) -> None:
        """Free the trial's slot."""
        self._move = None
        self._running.discard(trial)
        self._rule.finish(trial, outcome)
        self._proposer.finish(trial, outcome)

    def _new_values(self, trial: int) -> tuple[dict[str, Any] | None, str]:
        """Return values that no trial had, and where they come from; None if there are none."""
        for values in (defaults := self._space.defaults(), *self._first):
            if canonical(values) not in self._seen:
                return values, DEFAULTS if values is defaults else EARLIER
        proposed: dict[str, Any] | None = None
        for attempt in range(_ATTEMPTS):
            proposed = self._proposer.suggest(trial, attempt)
            if proposed is None:
                return None, ""
            if canonical(proposed) not in self._seen:
                return proposed, ""
        # The proposer repeats itself: take what is nearest to its last proposal.
        return (None if proposed is None else self._unseen_near(proposed, trial)), ""

    def _unseen_near(self, values: dict[str, Any], trial: int) -> dict[str, Any] | None:
        rng = rng_of(self._seed, trial)
        neighbour = values
        for step in range(_NEIGHBOURS):
            if canonical(neighbour) not in self._seen:
                return neighbour
            if not self._space.parameters:
                return None
            neighbour = self._space.mutate(values, rng, scale=0.1 + step / _NEIGHBOURS, share=0.3)
        return None


def loss_of(objectives: Sequence[Objective], value: Any) -> Loss:
    """Return the loss, to be minimised, for an objective's value or a tuple of several."""
    values = value if isinstance(value, tuple) else (value,)
    return tuple(o.loss(v) for o, v in zip(objectives, values, strict=True))
