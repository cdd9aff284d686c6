"""Hyperband (Li et al., JMLR 2018), with overlapping brackets so that no slot waits for a rung."""

import math
from dataclasses import dataclass, field

from automl.search.base import Rule
from automl.search.rules.halving import REDUCTION_FACTOR, halving_rungs
from automl.trial.moves import Continue, Start
from automl.trial.pareto import Loss, better, ranked, standing
from automl.trial.trial import CONTINUE, Decision, Outcome, TrialState, Verdict


@dataclass
class Bracket:
    """One round of successive halving: `size` trials at the first of its levels."""

    levels: list[int]
    size: int
    eta: int
    members: list[dict[int, Loss | None]] = field(default_factory=list)
    """By level: the trials sent there, each with its loss once it has reached the level."""
    ended: set[int] = field(default_factory=set)
    """Trials that never run again: failed, stopped or trained in full."""
    paused: set[int] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.members = [{} for _ in self.levels]

    @property
    def is_full(self) -> bool:
        """Whether all its trials have started."""
        return len(self.members[0]) >= self.size

    def resume(self, *, is_closed: bool) -> Continue | None:
        """Return a trial of a finished rung to resume; `is_closed`: no new trials will come."""
        for level in range(len(self.levels) - 1):
            members = self.members[level]
            if level == 0 and not (self.is_full or is_closed):
                return None
            if any(t not in self.paused and t not in self.ended and t not in self.members[level + 1]
                   for t in members):  # fmt: skip
                return None  # The rung is not finished, so neither are those above.
            reached = self.reached(level)
            places = max(1, len(members) // self.eta)
            for trial in ranked(reached)[:places]:
                if trial in self.paused and trial not in self.members[level + 1]:
                    reason = f"{standing(trial, reached)} of its bracket at epoch "
                    reason += str(self.levels[level])
                    return Continue(trial, self.levels[level + 1], reason)
        return None

    def reached(self, level: int) -> dict[int, Loss]:
        """Return the losses of the trials that have reached a level."""
        return {t: loss for t, loss in self.members[level].items() if loss is not None}

    def level_of(self, trial: int) -> int:
        """Return the highest level to which a trial was sent."""
        return max(i for i, members in enumerate(self.members) if trial in members)


class Hyperband(Rule):
    """Runs brackets from many short trials to few full ones, repeated while trials start.

    Each bracket begins at another level, which hedges against short trainings that mislead.
    """

    def __init__(self, epochs: int, *, eta: int = REDUCTION_FACTOR, grace: int = 1) -> None:
        self._eta = eta
        self.levels = [*halving_rungs(epochs, eta=eta, grace=grace), epochs]
        self._brackets: list[Bracket] = []
        self._of: dict[int, Bracket] = {}
        self._best: dict[int, Loss] = {}

    def first_epochs(self, trial: int) -> int:
        """Return the lowest level of the bracket to which the next trial belongs."""
        return self._next_bracket().levels[0]

    def resume(self, *, is_last_call: bool) -> Continue | None:
        """Return a trial to resume, from the oldest bracket that has one."""
        for bracket in self._brackets:
            promotion = bracket.resume(is_closed=is_last_call)
            if promotion is not None:
                return promotion
        return None

    def start(self, move: Start | Continue) -> None:
        """Enter a trial at the first or next level of its bracket."""
        trial = move.trial
        if isinstance(move, Start):
            bracket = self._next_bracket()
            if not self._brackets or self._brackets[-1] is not bracket:
                self._brackets.append(bracket)
            self._of[trial] = bracket
            bracket.members[0][trial] = None
        else:
            bracket = self._of[trial]
            bracket.members[bracket.level_of(trial) + 1][trial] = None
        bracket.paused.discard(trial)

    def report(self, trial: int, epoch: int, loss: Loss) -> Verdict:
        """Pause a trial that has reached its level."""
        best = self._best[trial] = better(loss, self._best.get(trial))
        bracket = self._of[trial]
        level = bracket.level_of(trial)
        if epoch < bracket.levels[level]:
            return CONTINUE
        bracket.members[level][trial] = best
        if level + 1 == len(bracket.levels):
            return CONTINUE
        place = f"{standing(trial, bracket.reached(level))} of its bracket"
        return Verdict(Decision.PAUSE, f"{place} at epoch {bracket.levels[level]}")

    def finish(self, trial: int, outcome: Outcome) -> None:
        """Keep a paused trial; a failed one counts in its rung without a value."""
        bracket = self._of[trial]
        bracket.paused.discard(trial)
        if outcome.state is TrialState.PAUSED:
            bracket.paused.add(trial)
            return
        bracket.ended.add(trial)
        if outcome.state is TrialState.FAILED:
            for members in bracket.members:
                if trial in members:
                    members[trial] = None

    def _next_bracket(self) -> Bracket:
        if self._brackets and not self._brackets[-1].is_full:
            return self._brackets[-1]
        # Algorithm 1 of the paper: bracket s has n = (s_max + 1) / (s + 1) * eta^s trials.
        top = len(self.levels) - 1
        skipped = len(self._brackets) % (top + 1)
        halvings = top - skipped
        size = math.ceil((top + 1) / (halvings + 1) * self._eta**halvings)
        return Bracket(self.levels[skipped:], size, self._eta)
