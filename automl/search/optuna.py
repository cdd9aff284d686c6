"""Optuna's tree-structured Parzen estimator as proposer (Bergstra et al., NeurIPS 2011)."""

import hashlib
import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np
import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution
from optuna.samplers import TPESampler
from optuna.trial import FrozenTrial, TrialState, create_trial

from automl.domain import Choices, Domain
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
    """Trial 0 has the defaults, a few are drawn by weight and scale, later ones come from TPE.

    TPE sees the active parameters alone, as places in the unit interval: whatever it proposes is
    then a valid value, also where the range of one depends on another. A suggestion depends on
    the seed, the trial's number and the history alone: the sampler is seeded anew for each trial,
    so that a replayed journal gives the same next suggestion.
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
        """Return the defaults for trial 0, else what is drawn or what TPE proposes."""
        if trial == 0:
            return self._space.defaults()
        ended = sum(state is not TrialState.RUNNING for state in self._states.values())
        if ended < STARTUP_TRIALS:
            return self._space.sample(np.random.default_rng([self._seed, trial]))
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
                    domain = self._space.domain(parameter, values)
                    values[parameter.key] = value_from_param(
                        parameter, domain, _suggest(asked, parameter)
                    )
        return values

    def _best(self, trial: int) -> float | None:
        return self._objective.best(self._reports[trial].values())

    def _frozen(self, number: int) -> FrozenTrial:
        values, state = self._trials[number], self._states[number]
        active = [self._space.parameters[key] for key in values]
        return create_trial(
            state=state,
            params={
                p.key: param_from_value(p, self._space.domain(p, values), values[p.key])
                for p in active
            },
            distributions={p.key: distribution_from_parameter(p) for p in active},
            value=self._best(number) if state is TrialState.COMPLETE else None,
            intermediate_values=self._reports[number],
        )


def distribution_from_parameter(parameter: Parameter) -> BaseDistribution:
    """Return Optuna's notation: the number of an unordered choice, else a place in [0, 1]."""
    if _is_nominal(parameter):
        return CategoricalDistribution(range(len(parameter.choices)))
    return FloatDistribution(0.0, 1.0)


def _is_nominal(parameter: Parameter) -> bool:
    return bool(parameter.choices) and parameter.kind != "ordered"


def param_from_value(parameter: Parameter, domain: Domain, value: Any) -> float:
    """Return what Optuna is told of a value."""
    if _is_nominal(parameter):
        return Choices(parameter.choices).index_of(value)
    return domain.position_of(value)


def value_from_param(parameter: Parameter, domain: Domain, param: float) -> Any:
    """Return the value that Optuna means; the inverse of `param_from_value`."""
    return parameter.choices[int(param)] if _is_nominal(parameter) else domain.value_at(param)


def _suggest(asked: optuna.Trial, parameter: Parameter) -> float:
    if _is_nominal(parameter):
        return int(asked.suggest_categorical(parameter.key, range(len(parameter.choices))))
    return float(asked.suggest_float(parameter.key, 0.0, 1.0))


def _seed_of(seed: int, trial: int) -> int:
    digest = hashlib.sha256(f"{seed}/{trial}".encode()).digest()
    return int.from_bytes(digest[:4], "big")
