"""The simulated clock: workers train epoch after epoch, in the order in which they would end."""

import heapq
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, ParamSpec, TypeVar

import numpy as np

from automl.search.base import Searcher, TimedSearcher
from automl.trial.moves import Continue, Start, Wait
from automl.trial.trial import Decision, Outcome, TrialState
from experiments.benchmarks.tasks import EPOCHS, Task

P = ParamSpec("P")
T = TypeVar("T")


@dataclass
class Run:
    """The course of one search, by its budget."""

    steps: list[tuple[float, float]] = field(default_factory=list)
    """(spent, best value seen) wherever the best improved."""
    decisions: int = 0
    """Trainings started or continued."""
    seconds: float = 0.0
    """Processor time spent in the searcher."""

    def best_seen(self, budget: int) -> float:
        """Return the best finite value seen within this budget; NaN before the first."""
        best = math.nan
        for spent, value in self.steps:
            if spent > budget:
                break
            best = value
        return best


@dataclass
class _Training:
    values: Mapping[str, Any]
    epoch_seconds: float
    curve: np.ndarray = field(default_factory=lambda: np.empty(0))
    epoch: int = 0
    target: int = EPOCHS
    is_first: bool = True
    """Whether it has not reported since it was started."""


class Clock:
    """Runs a searcher on a task until the budget of all workers together is spent.

    It counts epochs or, in the unit `seconds`, their time: 1 is an epoch of the median
    configuration. A resumed trial pays for its new epochs only. A trial that reaches its target
    without a stop is completed at 50 epochs and paused below.
    """

    def __init__(
        self, task: Task, searcher: Searcher, *, workers: int, budget: int, unit: str = "epochs"
    ) -> None:
        self._task = task
        self._searcher = searcher
        self._workers = workers
        self._budget = budget
        self._is_timed = unit == "seconds"
        self._planner = searcher if self._is_timed and isinstance(searcher, TimedSearcher) else None
        self._trainings: dict[int, _Training] = {}
        self._events: list[tuple[float, int, int]] = []
        self._events_made = 0
        self._now = 0.0
        self._spent: float = 0
        self.run = Run()

    def play(self) -> Run:
        """Return the run once the budget is spent or the searcher has nothing left to start."""
        self._fill()
        while self._events and self._spent < self._budget:
            self._now, _, trial = heapq.heappop(self._events)
            self._train_one_epoch(trial)
            self._fill()
        return self.run

    def _fill(self) -> None:
        while len(self._events) < self._workers and self._spent < self._budget:
            move = self._timed(self._searcher.next)
            if not isinstance(move, Start | Continue):
                if isinstance(move, Wait) and not self._events:
                    raise RuntimeError("the searcher waits although nothing runs")
                return
            self._timed(self._searcher.start, move)
            self.run.decisions += 1
            if isinstance(move, Start):
                self._trainings[move.trial] = _Training(move.values, self._epoch_s(move.values))
            training = self._trainings[move.trial]
            if not training.epoch < move.epochs <= EPOCHS:
                raise RuntimeError(f"{move} asks for no epoch that is left after {training.epoch}")
            training.target, training.is_first = move.epochs, True
            if len(training.curve) < move.epochs:
                training.curve = self._task.curve(training.values, move.epochs)
            self._schedule(move.trial)

    def _epoch_s(self, values: Mapping[str, Any]) -> float:
        if self._is_timed:
            return self._task.epoch_seconds(values) / self._task.typical_seconds
        return 1.0 if self._workers == 1 else self._task.epoch_seconds(values)

    def _schedule(self, trial: int) -> None:
        self._events_made += 1
        ends = self._now + self._trainings[trial].epoch_seconds
        heapq.heappush(self._events, (ends, self._events_made, trial))

    def _train_one_epoch(self, trial: int) -> None:
        training = self._trainings[trial]
        value = float(training.curve[training.epoch])
        training.epoch += 1
        self._spent = self._now * self._workers if self._is_timed else self._spent + 1
        best = self.run.steps[-1][1] if self.run.steps else math.nan
        if math.isfinite(value) and not (value <= best if self._is_max else value >= best):
            self.run.steps.append((self._spent, value))
        if self._planner is not None:
            self._timed(self._planner.foresee, (self._budget - self._spent) / self._workers)
        decision = self._timed(self._searcher.report, trial, training.epoch, value).decision
        if self._planner is not None:
            is_first, training.is_first = training.is_first, False
            self._timed(self._planner.took, trial, training.epoch_seconds, is_first=is_first)
        if decision is Decision.CONTINUE and training.epoch < training.target:
            self._schedule(trial)
        else:
            self._timed(self._searcher.finish, trial, Outcome(_ended(decision, training.epoch)))

    @property
    def _is_max(self) -> bool:
        return self._task.mode == "max"

    def _timed(self, call: Callable[P, T], *args: P.args, **options: P.kwargs) -> T:
        before = time.process_time()
        try:
            return call(*args, **options)
        finally:
            self.run.seconds += time.process_time() - before


def _ended(decision: Decision, epoch: int) -> TrialState:
    if epoch == EPOCHS:
        return TrialState.COMPLETED
    return TrialState.STOPPED if decision is Decision.STOP else TrialState.PAUSED
