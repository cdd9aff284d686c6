"""DEHB: differential evolution within Hyperband (Awad et al., IJCAI 2021, arXiv 2105.09821)."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from automl.search.base import Proposer
from automl.search.rules.halving import BEST_PAUSED, REDUCTION_FACTOR, halving_rungs
from automl.search.rules.median import PausingRule
from automl.search.seeds import rng_of
from automl.space.space import SearchSpace
from automl.trial.moves import Continue, Start
from automl.trial.pareto import Loss, better, is_finite, ranked, standing
from automl.trial.trial import CONTINUE, Decision, Outcome, Verdict

Vector = NDArray[np.float64]


@dataclass
class Populations:
    """State that the rule and the proposer share: each trial's level, place and loss."""

    level_of: dict[int, int] = field(default_factory=dict)
    place_of: dict[int, Vector] = field(default_factory=dict)
    target_of: dict[int, int] = field(default_factory=dict)
    """The member of its level that a trial replaces if it is better."""
    loss_of: dict[int, Loss] = field(default_factory=dict)
    members: dict[int, list[int]] = field(default_factory=dict)
    """By level: the trials that make up its population."""

    def best(self, level: int, count: int) -> list[int]:
        """Return the best trials of a level."""
        losses = {t: self.loss_of[t] for t in self.members.get(level, []) if t in self.loss_of}
        return ranked(losses)[:count]

    def forget(self, trial: int) -> None:
        """Remove a failed trial."""
        self.loss_of.pop(trial, None)
        for members in self.members.values():
            if trial in members:
                members.remove(trial)


class DehbRule(PausingRule):
    """Gives each new trial its level, where it pauses; the highest level is a full training.

    The levels follow Hyperband's brackets: a bracket evaluates many trials at its lowest level and
    1/eta of them at each next one. A paused trial is resumed only if the search would otherwise
    end without a full training.
    """

    def __init__(
        self, populations: Populations, epochs: int, *, eta: int = REDUCTION_FACTOR, grace: int = 1
    ) -> None:
        super().__init__()
        self._populations = populations
        self._levels = [*halving_rungs(epochs, eta=eta, grace=grace), epochs]
        self._schedule = list(_schedule(len(self._levels), eta))
        self._started = 0
        self._has_full = False

    def next_level(self) -> int:
        """Return the level of the next new trial."""
        return self._schedule[self._started % len(self._schedule)]

    def size(self, level: int) -> int:
        """Return the size of a level's population: that of its largest bracket, at least 4."""
        top = len(self._levels) - 1
        return max(4, self._schedule[: self._schedule.index(top) + 1].count(level))

    def first_epochs(self, trial: int) -> int:
        """Return the epochs of the next new trial's level."""
        return self._levels[self.next_level()]

    def resume(self, *, is_last_call: bool) -> Continue | None:
        """Return the best paused trial if the search would end without a full training."""
        if not is_last_call or self._running or self._has_full:
            return None
        for level in reversed(range(len(self._levels) - 1)):
            losses = self._populations.loss_of
            paused = {
                t: losses[t]
                for t in self._paused
                if self._populations.level_of[t] == level and t in losses
            }
            if best := ranked(paused):
                return Continue(best[0], self._levels[-1], BEST_PAUSED)
        return None

    def start(self, move: Start | Continue) -> None:
        """Record a trial's level."""
        super().start(move)
        if isinstance(move, Start):
            self._populations.level_of[move.trial] = self.next_level()
            self._started += 1
        else:
            self._populations.level_of[move.trial] = len(self._levels) - 1

    def report(self, trial: int, epoch: int, loss: Loss) -> Verdict:
        """Pause a trial at its level."""
        best = self._populations.loss_of
        best[trial] = better(loss, best.get(trial))
        level = self._populations.level_of[trial]
        if epoch < self._levels[level]:
            return CONTINUE
        is_full = level == len(self._levels) - 1
        self._has_full = self._has_full or (is_full and is_finite(loss))
        if is_full:
            return CONTINUE
        peers = {t: loss for t, loss in best.items() if self._populations.level_of[t] == level}
        place = f"{standing(trial, peers)} of its population"
        return Verdict(Decision.PAUSE, f"{place} at epoch {self._levels[level]}")

    def forget(self, trial: int) -> None:
        """Remove a trial from its population."""
        self._populations.forget(trial)


class DehbProposer(Proposer):
    """Crosses a member of the level's population with a mutant of the better half below.

    Differential evolution "rand/1/bin" (Storn and Price, 1997).
    """

    def __init__(
        self,
        space: SearchSpace,
        populations: Populations,
        rule: DehbRule,
        *,
        mutation: float = 0.5,
        crossover: float = 0.5,
        seed: int,
    ) -> None:
        self._space = space
        self._populations = populations
        self._rule = rule
        self._mutation = mutation
        self._crossover = crossover
        self._seed = seed
        self._turn: dict[int, int] = {}

    def suggest(self, trial: int, attempt: int = 0) -> dict[str, Any]:
        """Return a child of the level's population; a sample while it has too few members."""
        rng = rng_of(self._seed, trial, attempt)
        level = self._rule.next_level()
        parents = self._parents(level)
        if len(parents) < 3:
            return self._space.sample(rng)
        places = self._populations.place_of
        a, b, c = (places[parents[i]] for i in rng.choice(len(parents), 3, replace=False))
        mutant = a + self._mutation * (b - c)
        # As in the paper: a coordinate outside the cube is drawn anew, not clipped to its wall.
        outside = (mutant < 0) | (mutant > 1)
        mutant[outside] = rng.random(int(outside.sum()))
        target = self._target(level)
        base = places[parents[0] if target is None else target]
        # Binomial crossover; at least one coordinate comes from the mutant.
        taken = rng.random(len(mutant)) < self._crossover
        taken[rng.integers(len(mutant))] = True
        return self._space.decode(np.where(taken, mutant, base))

    def start(self, trial: int, values: Mapping[str, Any]) -> None:
        """Record the member that the trial may replace."""
        level = self._rule.next_level()
        target = self._target(level)
        if target is not None:
            self._populations.target_of[trial] = target
        self._turn[level] = self._turn.get(level, 0) + 1
        self._populations.place_of[trial] = np.nan_to_num(self._space.encode(values), nan=0.5)

    def report(self, trial: int, epoch: int, loss: Loss) -> None:
        """Nothing is kept: the rule gets the same report."""

    def finish(self, trial: int, outcome: Outcome) -> None:
        """Add a trial to its level's population, or replace its target if it is better."""
        populations = self._populations
        level, loss = populations.level_of[trial], populations.loss_of.get(trial)
        members = populations.members.setdefault(level, [])
        if loss is None or not is_finite(loss) or trial in members:
            return
        target = populations.target_of.get(trial)
        if target is None or target not in members:
            members.append(trial)
        elif ranked({trial: loss, target: populations.loss_of[target]})[0] == trial:
            members[members.index(target)] = trial

    def _parents(self, level: int) -> list[int]:
        """Return the better half of the level below; if it is too small, the level's members."""
        below = self._populations.members.get(level - 1, [])
        better_half = self._populations.best(level - 1, math.ceil(len(below) / 2))
        return better_half if len(better_half) >= 3 else self._populations.best(level, 1000)

    def _target(self, level: int) -> int | None:
        """Return the member to replace, in turn; None while the population is growing."""
        members = self._populations.members.get(level, [])
        if len(members) < self._rule.size(level):
            return None
        return members[self._turn.get(level, 0) % len(members)]


def _schedule(levels: int, eta: int) -> list[int]:
    """Return the level of each trial in one round of Hyperband's brackets."""
    order: list[int] = []
    for skipped in range(levels):
        halvings = levels - 1 - skipped
        size = math.ceil(levels / (halvings + 1) * eta**halvings)
        for level in range(skipped, levels):
            order += [level] * max(1, size // eta ** (level - skipped))
    return order
