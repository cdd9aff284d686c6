"""A searcher around an ask-and-tell optimiser: it asks for (values, epochs), tells one loss."""

import math
from collections.abc import Hashable
from typing import Any, Protocol

from automl.trial.moves import Continue, Done, Move, Start, Wait
from automl.trial.trial import CONTINUE, Outcome, Verdict
from experiments.benchmarks.tasks import Task


class Optimiser(Protocol):
    """An ask-and-tell optimiser; `tell` takes back the job that `ask` returned."""

    def ask(self) -> tuple[Any, Hashable, dict[str, Any], int] | None:
        """Return (job, the configuration's identity, values, epochs); None: nothing for now."""
        ...

    def tell(self, job: Any, loss: float) -> None:
        """Take in the loss after the job's epochs."""
        ...


class AskedSearcher:
    """Trains the jobs of an optimiser; a configuration asked for again is resumed.

    A job whose epochs are already trained is answered at once. The answer is the best loss within
    the job's epochs, which is what regret counts, or the worst of the search if none is finite.
    """

    def __init__(self, task: Task, optimiser: Optimiser) -> None:
        self._optimiser = optimiser
        self._sign = -1.0 if task.mode == "max" else 1.0
        self._losses: dict[int, list[float]] = {}
        self._trials: dict[Hashable, int] = {}
        self._jobs: dict[int, Any] = {}
        self._worst = -math.inf
        self._move: Start | Continue | None = None
        self._asked: tuple[Any, Hashable] | None = None

    def next(self) -> Move:
        """Return the optimiser's next job; jobs that need no training are answered on the way."""
        idle = 0
        while self._move is None:
            asked = self._optimiser.ask()
            if asked is None:
                return Wait() if self._jobs else Done()
            job, identity, values, epochs = asked
            trial = self._trials.get(identity)
            if trial is None:
                self._move = Start(len(self._trials), values, epochs)
            elif trial in self._jobs:
                self._optimiser.tell(job, self._loss(trial))  # Trained at this moment.
            elif len(self._losses[trial]) < epochs:
                self._move = Continue(trial, epochs)
            else:
                self._optimiser.tell(job, min(self._losses[trial][:epochs]))
            self._asked = (job, identity)
            idle += 1
            if idle > 1000:
                return Done()  # It only repeats what is trained in full.
        return self._move

    def start(self, move: Start | Continue) -> None:
        """Take note of the job."""
        assert self._asked is not None
        job, identity = self._asked
        if isinstance(move, Start):
            self._trials[identity] = move.trial
            self._losses[move.trial] = []
        self._jobs[move.trial] = job
        self._move = None

    def report(self, trial: int, epoch: int, value: float) -> Verdict:
        """Note the loss."""
        loss = self._sign * value
        if math.isfinite(loss):
            self._worst = max(self._worst, loss)
        elif math.isfinite(self._worst):
            loss = self._worst
        else:
            loss = 1e6 if self._sign > 0 else 0.0
        self._losses[trial].append(loss)
        return CONTINUE

    def finish(self, trial: int, outcome: Outcome) -> None:
        """Tell the optimiser."""
        self._optimiser.tell(self._jobs.pop(trial), self._loss(trial))

    def _loss(self, trial: int) -> float:
        losses = self._losses[trial]
        return min(losses, default=self._worst)
