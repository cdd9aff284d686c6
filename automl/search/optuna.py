"""Optuna's tree-structured Parzen estimator as proposer (Bergstra et al., NeurIPS 2011)."""

import hashlib
import warnings
from collections.abc import Mapping
from typing import Any

import optuna
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.samplers import TPESampler
from optuna.trial import FrozenTrial, TrialState, create_trial

from automl.objective import Objective
from automl.search.base import Proposer
from automl.space import Parameter, SearchSpace
from automl.trial import Outcome
from automl.trial import TrialState as State

# With 10, Optuna's default, a search of a dozen trials would be almost all random.
STARTUP_TRIALS = 4

_STATES = {
    State.COMPLETED: TrialState.COMPLETE,
    State.STOPPED: TrialState.PRUNED,
    State.FAILED: TrialState.FAIL,
}


class TpeProposer(Proposer):
    """Trial 0 has the defaults; later ones come from TPE over the active parameters.

    A suggestion depends on the seed, the trial's number and the history alone: the sampler is
    seeded anew for each trial, so that a replayed journal gives the same next suggestion.
    """

    def __init__(self, space: SearchSpace, objective: Objective, *, seed: int) -> None:
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self._space = space
        self._objective = objective
        self._seed = seed
        self._trials: dict[int, dict[str, Any]] = {}
        self._reports: dict[int, dict[int, float]] = {}
        self._states: dict[int, TrialState] = {}

    def suggest(self, trial: int) -> dict[str, Any]:
        """Return the defaults for trial 0, else what TPE draws."""
        if trial == 0:
            return self._space.defaults()
        with warnings.catch_warnings():
            # `group`, which conditional spaces need, has been called experimental since 2020.
            warnings.simplefilter("ignore", category=optuna.exceptions.ExperimentalWarning)
            sampler = TPESampler(
                seed=_seed_of(self._seed, trial),
                n_startup_trials=STARTUP_TRIALS,
                multivariate=True,
                group=True,
                constant_liar=True,
            )
        study = optuna.create_study(
            direction="maximize" if self._objective.mode == "max" else "minimize", sampler=sampler
        )
        study.add_trials([self._frozen(number) for number in sorted(self._trials)])
        return self._ask(study)

    def start(self, trial: int, values: Mapping[str, Any]) -> None:
        """Take note that a trial runs."""
        self._trials[trial] = dict(values)
        self._reports[trial] = {}
        self._states[trial] = TrialState.RUNNING

    def report(self, trial: int, epoch: int, value: float) -> None:
        """Take in an objective."""
        self._reports[trial][epoch] = value

    def finish(self, trial: int, outcome: Outcome) -> None:
        """Take in the end; a completed trial without any report counts as failed."""
        state = _STATES.get(outcome.state, TrialState.RUNNING)
        if state is not TrialState.RUNNING and self._best(trial) is None:
            state = TrialState.FAIL
        self._states[trial] = state

    def _ask(self, study: optuna.Study) -> dict[str, Any]:
        asked = study.ask()
        values: dict[str, Any] = {}
        with warnings.catch_warnings():
            # Conditional parameters are sampled on their own by design; Optuna warns of it.
            warnings.simplefilter("ignore", category=UserWarning)
            for parameter in self._space.parameters.values():
                if self._space.is_active(parameter, values):
                    values[parameter.key] = _suggest(asked, parameter)
        return values

    def _best(self, trial: int) -> float | None:
        return self._objective.best(self._reports[trial].values())

    def _frozen(self, number: int) -> FrozenTrial:
        values, state = self._trials[number], self._states[number]
        return create_trial(
            state=state,
            params=values,
            distributions={
                key: distribution_from_parameter(self._space.parameters[key]) for key in values
            },
            value=self._best(number) if state is TrialState.COMPLETE else None,
            intermediate_values=self._reports[number],
        )


def distribution_from_parameter(parameter: Parameter) -> BaseDistribution:
    """Return Optuna's notation of a parameter."""
    if parameter.choices:
        return CategoricalDistribution(parameter.choices)
    if parameter.kind == "int":
        return IntDistribution(int(parameter.low), int(parameter.high), log=parameter.is_log)
    return FloatDistribution(parameter.low, parameter.high, log=parameter.is_log)


def _suggest(asked: optuna.Trial, parameter: Parameter) -> Any:
    if parameter.choices:
        return asked.suggest_categorical(parameter.key, parameter.choices)
    if parameter.kind == "int":
        low, high = int(parameter.low), int(parameter.high)
        return asked.suggest_int(parameter.key, low, high, log=parameter.is_log)
    return asked.suggest_float(parameter.key, parameter.low, parameter.high, log=parameter.is_log)


def _seed_of(seed: int, trial: int) -> int:
    digest = hashlib.sha256(f"{seed}/{trial}".encode()).digest()
    return int.from_bytes(digest[:4], "big")
