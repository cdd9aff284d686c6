"""Simple rivals written after their papers: random search, one-epoch top-K, Hyperband and ASHA.

All start from random configurations and use nothing but the values reported at their rungs.
"""

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from automl.trial.moves import Continue, Done, Move, Start, Wait
from automl.trial.trial import CONTINUE, Decision, Outcome, Verdict
from experiments.benchmarks.tasks import EPOCHS, Task, values_from_unit

ETA = 3
RUNGS = [1, 3, 9, 27, EPOCHS]
SCREENED = 200
"""Configurations that the one-epoch baseline screens (Egele et al., arXiv 2307.15422)."""


class Rungs:
    """A searcher whose trials pause at rungs; `_choose` returns the next move."""

    def __init__(self, task: Task, *, seed: int) -> None:
        self._space = task.space
        self._sign = -1.0 if task.mode == "max" else 1.0
        self._rng = np.random.default_rng(seed)
        self._started = 0
        self._running: dict[int, int] = {}
        self._losses: dict[int, dict[int, float]] = {}
        self._move: Move | None = None

    def next(self) -> Move:
        """Return the chosen move, which stays the same until it is started."""
        if self._move is None or isinstance(self._move, Wait):
            self._move = self._choose()
        return self._move

    def start(self, move: Start | Continue) -> None:
        """Take note of a training."""
        if isinstance(move, Start):
            self._started += 1
            self._losses[move.trial] = {}
        self._running[move.trial] = move.epochs
        self._move = None

    def report(self, trial: int, epoch: int, value: float) -> Verdict:
        """Keep the best loss so far; a value that is not finite counts as infinitely bad."""
        losses = self._losses[trial]
        loss = self._sign * value if math.isfinite(value) else math.inf
        losses[epoch] = min(loss, losses.get(epoch - 1, math.inf))
        return CONTINUE

    def finish(self, trial: int, outcome: Outcome) -> None:
        """Free the trial's place."""
        del self._running[trial]

    def _choose(self) -> Move:
        raise NotImplementedError

    def _new(self, epochs: int) -> Start:
        return Start(self._started, self._draw(), epochs)

    def _draw(self) -> dict[str, Any]:
        return values_from_unit(self._space, self._rng.random(len(self._space.parameters)))


class RandomSearch(Rungs):
    """Random configurations, each trained in full."""

    def _choose(self) -> Move:
        return self._new(EPOCHS)


class OneEpoch(Rungs):
    """Screens many configurations for one epoch, then trains the best in full, best first."""

    def _choose(self) -> Move:
        if self._started < SCREENED:
            return self._new(1)
        ready = [t for t, losses in self._losses.items() if t not in self._running]
        paused = [t for t in ready if EPOCHS not in self._losses[t]]
        if not paused:
            return Wait() if self._running else Done()
        return Continue(min(paused, key=lambda t: self._losses[t][1]), EPOCHS)


class AshaPromote(Rungs):
    """Promotes a trial in the best third of its rung to the next one, highest rung first."""

    def _choose(self) -> Move:
        for rung, above in zip(RUNGS[-2::-1], RUNGS[:0:-1], strict=True):
            seen = [t for t, losses in self._losses.items() if rung in losses]
            seen.sort(key=lambda t: self._losses[t][rung])
            for trial in seen[: len(seen) // ETA]:
                if trial not in self._running and max(self._losses[trial]) == rung:
                    return Continue(trial, above)
        return self._new(RUNGS[0])


class AshaStop(RandomSearch):
    """Stops a trial that is not in the best third of those seen at its rung, as Ray does."""

    def report(self, trial: int, epoch: int, value: float) -> Verdict:
        """Compare with the boundary of the best third, without this trial."""
        super().report(trial, epoch, value)
        if epoch not in RUNGS[:-1]:
            return CONTINUE
        others = [
            losses[epoch] for t, losses in self._losses.items() if t != trial and epoch in losses
        ]
        if not others or self._losses[trial][epoch] <= _quantile(others, 1 / ETA):
            return CONTINUE
        return Verdict(Decision.STOP)


class Hyperband(Rungs):
    """Synchronous brackets, from many short trainings to few full ones, repeated."""

    def __init__(self, task: Task, *, seed: int) -> None:
        super().__init__(task, seed=seed)
        self._plan = self._brackets()
        self._queue: list[int | None] = []
        self._stage: list[int] = []
        self._epochs = 0

    def start(self, move: Start | Continue) -> None:
        """Take the move off its stage's queue."""
        super().start(move)
        self._queue.pop(0)
        self._stage.append(move.trial)

    def _choose(self) -> Move:
        if not self._queue and self._running:
            return Wait()
        if not self._queue:
            keep, self._epochs = next(self._plan)
            best = sorted(self._stage, key=lambda t: max(self._losses[t].items())[1])
            self._queue = list(best[:keep]) if keep else [None] * self._fresh
            self._stage = []
        trial = self._queue[0]
        return self._new(self._epochs) if trial is None else Continue(trial, self._epochs)

    def _brackets(self) -> Iterator[tuple[int, int]]:
        """Yield (trials kept from the stage before, epochs); 0 kept starts a bracket anew."""
        highest = int(math.log(EPOCHS, ETA))
        while True:
            for s in range(highest, -1, -1):
                count = math.ceil((highest + 1) / (s + 1) * ETA**s)
                self._fresh = count
                for i in range(s + 1):
                    yield (count // ETA**i if i else 0), max(1, round(EPOCHS / ETA ** (s - i)))


def _quantile(values: list[float], share: float) -> float:
    """Return a quantile by the value at or below it, which needs no arithmetic on inf."""
    return float(np.quantile(values, share, method="lower"))


SIMPLE: dict[str, Callable[..., Rungs]] = {
    "random": RandomSearch,
    "one-epoch": OneEpoch,
    "hyperband": Hyperband,
    "asha-stop": AshaStop,
    "asha-promote": AshaPromote,
}
