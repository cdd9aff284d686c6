"""Syne Tune's ASHA and BOHB, through the calls that its own backend makes."""

import datetime
import logging
import math

from syne_tune.backend.trial_status import Trial
from syne_tune.config_space import lograndint, loguniform, randint, uniform
from syne_tune.optimizer.baselines import ASHA, BOHB
from syne_tune.optimizer.scheduler import SchedulerDecision

from automl.space.space import Parameter
from automl.trial.moves import Continue, Move, Start
from automl.trial.trial import CONTINUE, Decision, Outcome, Verdict
from experiments.benchmarks.tasks import EPOCHS, Task

ALGORITHMS = {"syne-asha": ASHA, "syne-bohb": BOHB}
_NOW = datetime.datetime(2026, 1, 1)


class SyneTune:
    """Drives one of Syne Tune's schedulers; its settings are its defaults."""

    def __init__(self, task: Task, *, seed: int, name: str) -> None:
        logging.getLogger("syne_tune").setLevel(logging.ERROR)
        self._scheduler = ALGORITHMS[name](
            {key: _domain(p) for key, p in task.space.parameters.items()},
            metric="value",
            time_attr="epoch",
            max_t=EPOCHS,
            do_minimize=task.mode == "min",
            random_seed=seed,
        )
        self._is_max = task.mode == "max"
        self._worst = math.nan
        self._trials: dict[int, Trial] = {}
        self._last: dict[int, dict[str, float]] = {}
        self._stopped: set[int] = set()
        self._move: Start | None = None

    def next(self) -> Move:
        """Return the scheduler's suggestion, asked for once."""
        if self._move is None:
            suggestion = self._scheduler.suggest()
            self._move = Start(len(self._trials), suggestion.config, EPOCHS)
        return self._move

    def start(self, move: Start | Continue) -> None:
        """Add the trial."""
        assert isinstance(move, Start)
        trial = Trial(trial_id=move.trial, config=move.values, creation_time=_NOW)
        self._trials[move.trial] = trial
        self._scheduler.on_trial_add(trial)
        self._move = None

    def report(self, trial: int, epoch: int, value: float) -> Verdict:
        """Report a result; a value that is not finite counts as the worst seen so far."""
        if math.isfinite(value):
            pick = min if self._is_max else max
            self._worst = value if math.isnan(self._worst) else pick(self._worst, value)
        else:
            value = self._worst if math.isfinite(self._worst) else 0.0 if self._is_max else 1e6
        result = {"value": value, "epoch": epoch}
        self._last[trial] = result
        if epoch == EPOCHS:
            return CONTINUE  # Completed: `finish` reports it.
        if self._scheduler.on_trial_result(self._trials[trial], result) == SchedulerDecision.STOP:
            self._stopped.add(trial)
            return Verdict(Decision.STOP)
        return CONTINUE

    def finish(self, trial: int, outcome: Outcome) -> None:
        """Report that the trial was stopped or is complete."""
        if trial in self._stopped:
            self._scheduler.on_trial_remove(self._trials[trial])
        else:
            self._scheduler.on_trial_complete(self._trials[trial], self._last[trial])


def _domain(p: Parameter) -> object:
    if p.kind == "int":
        return (lograndint if p.is_log else randint)(int(p.low), int(p.high))
    return (loguniform if p.is_log else uniform)(float(p.low), float(p.high))
