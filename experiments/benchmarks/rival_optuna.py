"""Optuna's samplers and pruners, by ask, report, should_prune and tell."""

import math
import warnings
from collections.abc import Callable
from typing import Any

import optuna
from optuna.pruners import (
    BasePruner,
    HyperbandPruner,
    MedianPruner,
    NopPruner,
    SuccessiveHalvingPruner,
)
from optuna.samplers import BaseSampler, GPSampler, TPESampler
from optuna.trial import TrialState

from automl.space.space import Parameter
from automl.trial.moves import Continue, Move, Start
from automl.trial.trial import CONTINUE, Decision, Outcome, Verdict
from experiments.benchmarks.tasks import EPOCHS, Task

PARTS: dict[str, tuple[Callable[..., BaseSampler], type[BasePruner]]] = {
    "optuna-tpe": (TPESampler, NopPruner),
    "optuna-tpe-median": (TPESampler, MedianPruner),
    "optuna-tpe-halving": (TPESampler, SuccessiveHalvingPruner),
    "optuna-tpe-hyperband": (TPESampler, HyperbandPruner),
    "optuna-gp": (GPSampler, NopPruner),
    "optuna-gp-median": (GPSampler, MedianPruner),
}


class Optuna:
    """A study with the sampler's and the pruner's defaults."""

    def __init__(self, task: Task, *, seed: int, name: str) -> None:
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        sampler, pruner = PARTS[name]
        made = (
            pruner(min_resource=1, max_resource=EPOCHS) if pruner is HyperbandPruner else pruner()
        )
        self._study = optuna.create_study(
            direction="maximize" if task.mode == "max" else "minimize",
            sampler=sampler(seed=seed),
            pruner=made,
        )
        self._objective_is_max = task.mode == "max"
        self._space = task.space
        self._trials: dict[int, optuna.Trial] = {}
        self._bests: dict[int, float] = {}
        self._move: Start | None = None
        self._asked: optuna.Trial | None = None

    def next(self) -> Move:
        """Ask for a full training, once."""
        if self._move is None:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                self._asked = self._study.ask()
                values: dict[str, Any] = {}
                for p in self._space.parameters.values():
                    if self._space.is_active(p, values):
                        values[p.key] = self._suggest(self._asked, p)
            self._move = Start(self._asked.number, values, EPOCHS)
        return self._move

    def start(self, move: Start | Continue) -> None:
        """Take note that the trial runs."""
        assert self._asked is not None
        self._trials[move.trial] = self._asked
        self._bests[move.trial] = math.nan
        self._move = None

    def report(self, trial: int, epoch: int, value: float) -> Verdict:
        """Report a finite value and ask the pruner; any other value prunes the trial."""
        if not math.isfinite(value):
            return Verdict(Decision.STOP)
        pick = max if self._objective_is_max else min
        best = self._bests[trial]
        self._bests[trial] = value if math.isnan(best) else pick(best, value)
        self._trials[trial].report(value, epoch)
        return Verdict(Decision.STOP) if self._trials[trial].should_prune() else CONTINUE

    def finish(self, trial: int, outcome: Outcome) -> None:
        """Report the best value of a full training; any other counts as pruned."""
        if outcome.state.value == "completed" and math.isfinite(self._bests[trial]):
            self._study.tell(self._trials[trial], self._bests[trial])
        else:
            self._study.tell(self._trials[trial], state=TrialState.PRUNED)

    def _suggest(self, asked: optuna.Trial, p: Parameter) -> Any:
        if p.choices:
            return asked.suggest_categorical(p.key, list(p.choices))
        if p.kind == "int":
            return asked.suggest_int(p.key, int(p.low), int(p.high), log=p.is_log)
        return asked.suggest_float(p.key, float(p.low), float(p.high), log=p.is_log)
