"""Population-based training (Jaderberg et al., 2017): poor members copy good ones."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from automl.search.base import DEFAULTS, EARLIER, canonical
from automl.search.seeds import rng_of, seed_of
from automl.space.space import SearchSpace
from automl.trial.moves import Continue, Done, Move, Start, Wait
from automl.trial.objective import Objective
from automl.trial.pareto import standing
from automl.trial.trial import CONTINUE, Decision, Outcome, TrialState, Verdict

_QUANTILE = 0.25
"""Share of the population that copies, and share that is copied, as in Ray."""


@dataclass
class Member:
    """One trial of the population: its values and its curve."""

    values: dict[str, Any]
    target: int
    """The epoch at which it pauses next."""
    curve: dict[int, float] = field(default_factory=dict)
    is_running: bool = True

    @property
    def epoch(self) -> int:
        """The last reported epoch."""
        return max(self.curve, default=0)

    @property
    def loss(self) -> float:
        """The last loss; infinite if it is not finite or there is none."""
        last = self.curve.get(self.epoch, math.inf)
        return last if math.isfinite(last) else math.inf


class Explorer(Protocol):
    """Changes the values of a member that is copied."""

    def explore(self, donor: int, members: Mapping[int, Member], seed: int) -> dict[str, Any]:
        """Return valid values near those of the donor."""
        ...


class PopulationSearcher:
    """Trains a population in steps of `interval` epochs.

    After each step a member of the worst quarter ends, and a new trial takes its place: it starts
    from the last checkpoint of a member of the best quarter, with changed values. A failed member
    is replaced in the same way. The member with the fewest epochs is next, so that a population
    larger than the number of slots takes turns.
    """

    def __init__(
        self,
        space: SearchSpace,
        objective: Objective,
        explorer: Explorer,
        *,
        trials: int,
        epochs: int,
        population: int,
        interval: int,
        generations: int | None,
        first: list[dict[str, Any]],
        seed: int,
    ) -> None:
        self._space = space
        self._objective = objective
        self._explorer = explorer
        self._trials = trials
        self._epochs = epochs
        self._population = min(population, trials)
        self._interval = interval
        self._last_copy = epochs if generations is None else generations * interval
        self._first = [space.defaults(), *first]
        self._seed = seed
        self._members: dict[int, Member] = {}
        """The trials that make up the population now."""
        self._seen: set[str] = set()
        self._started = 0
        self._move: Move | None = None

    def next(self) -> Move:
        """Return the next step of the population."""
        if self._move is None:
            self._move = self._next()
        return self._move

    def _next(self) -> Move:
        if len(self._members) < self._population and self._started < self._trials:
            return self._new_member()
        waiting = [
            n for n, m in self._members.items() if not m.is_running and m.epoch < self._epochs
        ]
        if waiting:
            return self._step(min(waiting, key=lambda n: (self._members[n].epoch, n)))
        is_running = any(m.is_running for m in self._members.values())
        return Wait() if is_running else Done(f"all {self._started} trials have ended")

    def start(self, move: Start | Continue) -> None:
        """Record a step."""
        self._move = None
        if isinstance(move, Continue):
            member = self._members[move.trial]
            member.target, member.is_running = move.epochs, True
            return
        self._started = max(self._started, move.trial + 1)
        self._seen.add(canonical(move.values))
        if len(self._members) >= self._population:
            # A start in a complete population is a copy: it replaces the member that was next.
            replaced = min(
                (
                    n
                    for n, m in self._members.items()
                    if not m.is_running and m.epoch < self._epochs
                ),
                key=lambda n: (self._members[n].epoch, n),
            )
            del self._members[replaced]
        self._members[move.trial] = Member(dict(move.values), move.epochs)

    def add(self, values: Mapping[str, Any]) -> Move:
        """Refuse: what is no copy has no place in the population."""
        return Done("the population makes each trial of another")

    def report(self, trial: int, epoch: int, value: float) -> Verdict:
        """Pause a member at the end of its step."""
        self._move = None
        member = self._members[trial]
        member.curve[epoch] = self._objective.loss(value)
        if not member.target <= epoch < self._epochs:
            return CONTINUE
        return Verdict(Decision.PAUSE, f"{self._standing(trial)} after its step to epoch {epoch}")

    def finish(self, trial: int, outcome: Outcome) -> None:
        """Keep a member that paused or is complete; one that failed or was stopped is replaced."""
        self._move = None
        if trial not in self._members:
            return
        self._members[trial].is_running = False
        if outcome.state in (TrialState.FAILED, TrialState.STOPPED):
            del self._members[trial]
        elif outcome.state is TrialState.COMPLETED:
            self._members[trial].curve.setdefault(self._epochs, self._members[trial].loss)

    def _new_member(self) -> Start:
        donors = [n for n in self._best() if self._members[n].epoch < self._epochs]
        if self._started >= self._population and donors:
            return self._copy(donors[0], "which fills the place of a trial that ended")
        target = min(self._interval, self._epochs)
        for number, values in enumerate(self._first):
            if canonical(values) not in self._seen:
                reason = EARLIER if number else DEFAULTS
                return Start(self._started, values, target, reason=reason)
        return Start(self._started, self._fresh(), target, reason="drawn at random")

    def _fresh(self) -> dict[str, Any]:
        rng = rng_of(self._seed, self._started)
        values = self._space.sample(rng)
        for _ in range(100):
            if canonical(values) not in self._seen:
                break
            values = self._space.sample(rng)
        return values

    def _step(self, trial: int) -> Move:
        member = self._members[trial]
        donors = [n for n in self._best() if n != trial]
        is_poor = trial in self._worst() and donors and donors[0] != trial
        can_copy = self._started < self._trials and member.epoch <= self._last_copy
        if is_poor and can_copy:
            donor = donors[int(rng_of(self._seed, trial, member.epoch).integers(len(donors)))]
            if self._members[donor].epoch < self._epochs:
                return self._copy(
                    donor, f"which replaces trial {trial:04d}, {self._standing(trial)}"
                )
        target = min(member.epoch + self._interval, self._epochs)
        return Continue(trial, target, self._standing(trial))

    def _copy(self, donor: int, purpose: str) -> Start:
        for attempt in range(20):
            seed = seed_of(self._seed, self._started, attempt)
            values = self._explorer.explore(donor, self._members, seed)
            if canonical(values) not in self._seen:
                break
        target = min(self._members[donor].epoch + self._interval, self._epochs)
        reason = f"a changed copy of trial {donor:04d}, {purpose}"
        return Start(self._started, values, target, parent=donor, reason=reason)

    def _standing(self, trial: int) -> str:
        return (
            f"{standing(trial, {n: (m.loss,) for n, m in self._members.items()})} of the population"
        )

    def _order(self) -> list[int]:
        """Return the members with a value, best first."""
        losses = {n: m.loss for n, m in self._members.items() if math.isfinite(m.loss)}
        return sorted(losses, key=lambda n: (losses[n], n))

    def _best(self) -> list[int]:
        """Return the donors: members of the best quarter that are not running.

        A running member's checkpoint may change while it is copied.
        """
        best = self._order()[: self._quantile()]
        return [n for n in best if not self._members[n].is_running]

    def _worst(self) -> list[int]:
        valueless = [n for n, m in self._members.items() if math.isinf(m.loss)]
        return [*self._order(), *valueless][-self._quantile() :]

    def _quantile(self) -> int:
        return max(1, math.ceil(len(self._members) * _QUANTILE)) if len(self._members) > 1 else 0
