"""Optuna's samplers as proposers: TPE (Bergstra et al., 2011) and NSGA-II (Deb et al., 2002)."""

import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution
from optuna.samplers import BaseSampler, NSGAIISampler, TPESampler
from optuna.trial import FrozenTrial, TrialState, create_trial

from automl.search.base import Observation, Proposer
from automl.search.seeds import rng_of, seed_of
from automl.space.domain import Choices, Domain
from automl.space.space import Parameter, SearchSpace
from automl.trial.pareto import Loss, better, is_finite
from automl.trial.trial import Outcome
from automl.trial.trial import TrialState as State

STARTUP_TRIALS = 4
"""With Optuna's default of 10, a search of a dozen trials would be almost all random."""
POPULATION = 10
"""Size of NSGA-II's population; Optuna's 50 is more than most searches train in all."""

_STATES = {
    State.COMPLETED: TrialState.COMPLETE,
    State.STOPPED: TrialState.PRUNED,
    State.FAILED: TrialState.FAIL,
}


class OptunaProposer(Proposer):
    """Samples a few trials from the space; later ones come from one of Optuna's samplers.

    The sampler sees the active parameters alone, as places in the unit interval: each proposal is
    then valid, even if the range of one parameter depends on another. It minimises. A suggestion
    depends on the seed, the trial's number and the history alone: the sampler is seeded anew for
    each trial, so that a replayed journal gives the same next suggestion.
    """

    startup = STARTUP_TRIALS

    def __init__(
        self,
        space: SearchSpace,
        *,
        objectives: int = 1,
        seed: int,
        past: Sequence[Observation] = (),
    ) -> None:
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self._space = space
        self._objectives = objectives
        self._seed = seed
        self._trials: dict[int, dict[str, Any]] = {}
        self._reports: dict[int, dict[int, Loss]] = {}
        self._best: dict[int, Loss] = {}
        self._states: dict[int, TrialState] = {}
        for number, seen in enumerate(past):
            self.start(number - len(past), seen.values)
            self._best[number - len(past)] = seen.loss
            self._states[number - len(past)] = TrialState.COMPLETE

    def sampler(self, seed: int) -> BaseSampler:
        """Return a sampler with a seed."""
        raise NotImplementedError

    def attributes(self, trial: int) -> dict[str, Any]:
        """Return the system attributes that the sampler stores with a trial."""
        return {}

    def suggest(self, trial: int, attempt: int = 0) -> dict[str, Any]:
        """Return a sample of the space at first, then the sampler's proposal."""
        ended = sum(state is not TrialState.RUNNING for state in self._states.values())
        if ended < self.startup:
            return self._space.sample(rng_of(self._seed, trial, attempt))
        with warnings.catch_warnings():
            # Conditional spaces need `group`, which Optuna has called experimental since 2020; it
            # also warns that it samples conditional parameters independently, which is intended.
            warnings.simplefilter("ignore", category=optuna.exceptions.ExperimentalWarning)
            warnings.simplefilter("ignore", category=UserWarning)
            study = optuna.create_study(
                directions=["minimize"] * self._objectives,
                sampler=self.sampler(seed_of(self._seed, trial, attempt)),
            )
            study.add_trials([self._frozen(number) for number in sorted(self._trials)])
            return suggested(study.ask(), self._space)

    def start(self, trial: int, values: Mapping[str, Any]) -> None:
        """Record that a trial runs."""
        self._trials[trial] = dict(values)
        self._reports[trial] = {}
        self._states[trial] = TrialState.RUNNING

    def report(self, trial: int, epoch: int, loss: Loss) -> None:
        """Record a loss."""
        self._reports[trial][epoch] = loss
        self._best[trial] = better(loss, self._best.get(trial))

    def finish(self, trial: int, outcome: Outcome) -> None:
        """Record the end; a trial without any value counts as failed."""
        state = _STATES.get(outcome.state, TrialState.RUNNING)
        if state is TrialState.PRUNED and self._objectives > 1:
            state = TrialState.COMPLETE  # Optuna prunes nothing with several objectives.
        if state is not TrialState.RUNNING and not self._has_value(trial):
            state = TrialState.FAIL
        self._states[trial] = state

    def _has_value(self, trial: int) -> bool:
        return trial in self._best and is_finite(self._best[trial])

    def _frozen(self, number: int) -> FrozenTrial:
        values, state = self._trials[number], self._states[number]
        active = [self._space.parameters[key] for key in values]
        return create_trial(
            state=state,
            params=params_of(self._space, values),
            distributions={p.key: distribution_from_parameter(p) for p in active},
            values=list(self._best[number]) if state is TrialState.COMPLETE else None,
            intermediate_values={e: loss[0] for e, loss in self._reports[number].items()}
            if self._objectives == 1
            else None,
            system_attrs=self.attributes(number),
        )


class TpeProposer(OptunaProposer):
    """Tree-structured Parzen estimators over all parameters jointly."""

    def sampler(self, seed: int) -> BaseSampler:
        """Return TPE; running trials count as poor, so that proposals keep away from them."""
        return TPESampler(
            seed=seed,
            n_startup_trials=self.startup,
            multivariate=True,
            group=True,
            constant_liar=True,
        )


class Nsga2Proposer(OptunaProposer):
    """Crosses and mutates the best Pareto fronts, a generation at a time."""

    def __init__(
        self,
        space: SearchSpace,
        *,
        population: int = POPULATION,
        crossover: float = 0.9,
        objectives: int = 1,
        seed: int,
        past: Sequence[Observation] = (),
    ) -> None:
        self._population = population
        self._crossover = crossover
        self._generations: dict[int, int] = {}
        self._sizes: dict[int, int] = {}
        super().__init__(space, objectives=objectives, seed=seed, past=past)

    def sampler(self, seed: int) -> BaseSampler:
        """Return NSGA-II."""
        return NSGAIISampler(
            population_size=self._population, crossover_prob=self._crossover, seed=seed
        )

    def attributes(self, trial: int) -> dict[str, Any]:
        """Return the trial's generation, by which Optuna selects the parents."""
        return {NSGAIISampler._get_generation_key(): self._generations[trial]}

    def start(self, trial: int, values: Mapping[str, Any]) -> None:
        """Record the generation: the next one begins once enough of the last have a value."""
        last = max(self._sizes, default=0)
        self._generations[trial] = last + (self._sizes.get(last, 0) >= self._population)
        super().start(trial, values)

    def finish(self, trial: int, outcome: Outcome) -> None:
        """Count a trial with a value in its generation."""
        super().finish(trial, outcome)
        if self._states[trial] is TrialState.COMPLETE:
            generation = self._generations[trial]
            self._sizes[generation] = self._sizes.get(generation, 0) + 1


def distribution_from_parameter(parameter: Parameter) -> BaseDistribution:
    """Return Optuna's distribution: indices of an unordered choice, else places in [0, 1]."""
    if parameter.is_nominal:
        return CategoricalDistribution(range(len(parameter.choices)))
    return FloatDistribution(0.0, 1.0)


def param_from_value(parameter: Parameter, domain: Domain, value: Any) -> float:
    """Return Optuna's parameter for a value."""
    if parameter.is_nominal:
        return Choices(parameter.choices).index_of(value)
    return domain.position_of(value)


def value_from_param(parameter: Parameter, domain: Domain, param: float) -> Any:
    """Return the value of Optuna's parameter; the inverse of `param_from_value`."""
    return parameter.choices[int(param)] if parameter.is_nominal else domain.value_at(param)


def params_of(space: SearchSpace, values: Mapping[str, Any]) -> dict[str, float]:
    """Return Optuna's parameters for values of a space."""
    active = [space.parameters[key] for key in values]
    return {p.key: param_from_value(p, space.domain(p, values), values[p.key]) for p in active}


def suggested(trial: optuna.Trial, space: SearchSpace) -> dict[str, Any]:
    """Return the values of a space that a trial suggests, by Optuna's define-by-run interface."""
    values: dict[str, Any] = {}
    for parameter in space.parameters.values():
        if space.is_active(parameter, values):
            domain = space.domain(parameter, values)
            values[parameter.key] = value_from_param(parameter, domain, _suggest(trial, parameter))
    return values


def _suggest(trial: optuna.Trial, parameter: Parameter) -> float:
    # Ray Tune's OptunaSearch sees what is drawn by methods named `suggest_...` alone.
    if parameter.is_nominal:
        return int(trial.suggest_categorical(parameter.key, range(len(parameter.choices))))
    return float(trial.suggest_float(parameter.key, 0.0, 1.0))
