"""The table of algorithms, and how the searcher of each is made."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from automl.errors import UsageError, not_one_of
from automl.search.base import Observation, OpenSearcher, Proposer, Rule
from automl.search.budgeted import BudgetedSearcher
from automl.search.options import ALIASES, options_of
from automl.search.population.dehb import DehbProposer, DehbRule, Populations
from automl.search.proposers.grid import GridProposer
from automl.search.proposers.random import RandomProposer
from automl.search.rules.curve_stop import CurveStop
from automl.search.rules.halving import HalvingPromote, HalvingStop
from automl.search.rules.hyperband import Hyperband
from automl.search.rules.median import GRACE_EPOCHS, FullTraining, MedianStop
from automl.search.searcher import TrialSearcher, loss_of
from automl.space.space import SearchSpace
from automl.trial.budget import Budget
from automl.trial.objective import Objective
from automl.trial.pareto import is_finite, ranked
from automl.trial.trial import PastTrial, TransferTrial

DEFAULT = "auto"

DEFAULT_FOR_SEVERAL = "moasha"

_FIRST = 3
"""The best configurations of earlier experiments that are tried again."""


@dataclass(frozen=True)
class Setup:
    """Inputs from which a searcher is made."""

    space: SearchSpace
    objectives: tuple[Objective, ...]
    budget: Budget
    seed: int
    options: Mapping[str, Any]
    past: Sequence[PastTrial] = ()
    kept: frozenset[str] = frozenset()
    transfer: Sequence[TransferTrial] = ()

    @property
    def epochs(self) -> int:
        """Epochs of a full training."""
        return self.budget.epochs

    def seen(self) -> list[Observation]:
        """Return the earlier trials that have a value, best first."""
        losses = {
            number: min(
                (loss_of(self.objectives, value) for value in trial.curve.values()),
                key=lambda loss: (not is_finite(loss), loss),
            )
            for number, trial in enumerate(self.past)
            if trial.curve
        }
        return [Observation(self.past[n].values, losses[n]) for n in ranked(losses)]

    def searcher(self, proposer: Proposer, rule: Rule) -> OpenSearcher:
        """Return a searcher made of a proposer and a rule."""
        return TrialSearcher(
            self.space,
            self.objectives,
            proposer,
            rule,
            trials=self.budget.trials,
            seed=self.seed,
            first=[seen.values for seen in self.seen()[:_FIRST]],
        )


def _rule(setup: Setup) -> Rule:
    """Return the rule of an algorithm that proposes full trainings, by its pruner."""
    pruner = setup.options["pruner"]
    if pruner == "median":
        return MedianStop(setup.epochs)
    return _halving_stop(setup) if pruner == "halving" else FullTraining(setup.epochs)


def _halving(setup: Setup) -> dict[str, int]:
    return {"eta": setup.options["reduction_factor"], "grace": setup.options["epoch_multiplier"]}


def _halving_stop(setup: Setup) -> Rule:
    eta = setup.options.get("reduction_factor", 3)
    grace = max(GRACE_EPOCHS, setup.options.get("epoch_multiplier", 1))
    return HalvingStop(setup.epochs, eta=eta, grace=grace)


def _auto(setup: Setup) -> OpenSearcher:
    from automl.search.auto.searcher import AutoSearcher

    return AutoSearcher(
        setup.space,
        setup.objectives[0],
        setup.budget,
        seed=setup.seed,
        past=setup.past,
        transfer=setup.transfer,
    )


def _random(setup: Setup) -> OpenSearcher:
    return setup.searcher(RandomProposer(setup.space, seed=setup.seed), _rule(setup))


def _grid(setup: Setup) -> OpenSearcher:
    points = setup.options["grid_points"]
    return setup.searcher(GridProposer(setup.space, points=points, seed=setup.seed), _rule(setup))


def _bayesian(setup: Setup) -> OpenSearcher:
    from automl.search.proposers.gp import GpProposer, expected_improvement

    proposer = GpProposer(setup.space, expected_improvement, seed=setup.seed, past=setup.seen())
    return setup.searcher(proposer, _rule(setup))


def _bfbo(setup: Setup) -> OpenSearcher:
    from automl.search.proposers.gp import GpProposer, confidence_bound

    proposer = GpProposer(setup.space, confidence_bound, seed=setup.seed, past=setup.seen())
    return setup.searcher(proposer, _rule(setup))


def _tpe(setup: Setup) -> OpenSearcher:
    from automl.search.proposers.optuna import TpeProposer

    proposer = TpeProposer(
        setup.space, objectives=len(setup.objectives), seed=setup.seed, past=setup.seen()
    )
    return setup.searcher(proposer, _rule(setup))


def _nsga2(setup: Setup) -> OpenSearcher:
    from automl.search.proposers.optuna import Nsga2Proposer

    proposer = Nsga2Proposer(
        setup.space,
        population=setup.options["population_size"],
        crossover=setup.options["crossover_prob"],
        objectives=len(setup.objectives),
        seed=setup.seed,
        past=setup.seen(),
    )
    return setup.searcher(proposer, FullTraining(setup.epochs))


def _cmaes(setup: Setup) -> OpenSearcher:
    from automl.search.proposers.cmaes import CmaEsProposer

    population = setup.options["population_size"]
    return setup.searcher(
        CmaEsProposer(setup.space, population=population, seed=setup.seed), _rule(setup)
    )


def _asha(setup: Setup) -> OpenSearcher:
    if setup.options["type"] == "stop":
        rule: Rule = _halving_stop(setup)
    else:
        rule = HalvingPromote(setup.epochs, **_halving(setup))
    return setup.searcher(RandomProposer(setup.space, seed=setup.seed), rule)


def _hyperband(setup: Setup) -> OpenSearcher:
    rule = Hyperband(setup.epochs, **_halving(setup))
    return setup.searcher(RandomProposer(setup.space, seed=setup.seed), rule)


def _hyperband_es(setup: Setup) -> OpenSearcher:
    rule = CurveStop(
        Hyperband(setup.epochs, **_halving(setup)),
        setup.epochs,
        threshold=setup.options["early_stop_threshold"],
        min_epochs=setup.options["min_early_stop_epochs"],
    )
    return setup.searcher(RandomProposer(setup.space, seed=setup.seed), rule)


def _bohb(setup: Setup) -> OpenSearcher:
    from automl.search.proposers.bohb import BohbProposer

    proposer = BohbProposer(
        setup.space,
        samples=setup.options["kde_samples"],
        top_percent=setup.options["top_n_percent"],
        min_points=setup.options["min_points_in_model"],
        min_good=setup.options["min_top_configs"],
        seed=setup.seed,
        past=setup.seen(),
    )
    return setup.searcher(proposer, Hyperband(setup.epochs, **_halving(setup)))


def _dehb(setup: Setup) -> OpenSearcher:
    populations = Populations()
    rule = DehbRule(populations, setup.epochs, **_halving(setup))
    proposer = DehbProposer(
        setup.space,
        populations,
        rule,
        mutation=setup.options["mutation_factor"],
        crossover=setup.options["crossover_prob"],
        seed=setup.seed,
    )
    return setup.searcher(proposer, rule)


def _pbt(setup: Setup) -> OpenSearcher:
    from automl.search.population.explorers import PbtExplorer

    factor = setup.options["perturbation_factor"]
    return _population(setup, PbtExplorer(setup.space, factor=factor, kept=setup.kept))


def _pb2(setup: Setup) -> OpenSearcher:
    from automl.search.population.explorers import Pb2Explorer, PbtExplorer

    perturb = PbtExplorer(setup.space, factor=setup.options["perturbation_factor"], kept=setup.kept)
    return _population(setup, Pb2Explorer(setup.space, perturb))


def _population(setup: Setup, explorer: Any) -> OpenSearcher:
    from automl.search.population.searcher import PopulationSearcher

    options = setup.options
    return PopulationSearcher(
        setup.space,
        setup.objectives[0],
        explorer,
        trials=setup.budget.trials,
        epochs=setup.epochs,
        population=options["population_size"],
        interval=options["eval_interval"] * options["epoch_multiplier"],
        generations=options["max_generations"],
        first=[seen.values for seen in setup.seen()[:_FIRST]],
        seed=setup.seed,
    )


ALGORITHMS: dict[str, Callable[[Setup], OpenSearcher]] = {
    "auto": _auto,
    "random": _random,
    "grid": _grid,
    "bayesian": _bayesian,
    "tpe": _tpe,
    "bfbo": _bfbo,
    "cmaes": _cmaes,
    "asha": _asha,
    "hyperband": _hyperband,
    "bohb": _bohb,
    "dehb": _dehb,
    "hyperband_es": _hyperband_es,
    "pbt": _pbt,
    "pb2": _pb2,
    "nsga2": _nsga2,
    "moasha": _asha,
}

FOR_SEVERAL = ("random", "grid", "tpe", "nsga2", "moasha")
"""Algorithms that take several objectives."""

_NOT_BUILT = ("llm", "hybrid", "autoresearch")


def _letters(name: str) -> str:
    return "".join(letter for letter in name.casefold() if letter.isalnum())


_SPELLINGS = {
    **{_letters(name): name for name in (*ALGORITHMS, *_NOT_BUILT)},
    **ALIASES,
}
"""Algorithms by their names in small letters and digits alone: HyperBand, hyperband-es."""


def algorithm_named(name: str | None, *, objectives: int = 1) -> str:
    """Return the full name of an algorithm; the default for None.

    Raises `UsageError` for one that is not known or does not take this many objectives.
    """
    if name is None:
        return DEFAULT if objectives == 1 else DEFAULT_FOR_SEVERAL
    full = _SPELLINGS.get(_letters(name), name)
    if full in _NOT_BUILT:
        raise UsageError(
            f"--algorithm: {name!r} proposes by a language model, which is not built; "
            f"there are {', '.join(ALGORITHMS)}"
        )
    if full not in ALGORITHMS:
        raise UsageError(not_one_of("--algorithm", name, ALGORITHMS, aliases=ALIASES))
    if objectives > 1 and full not in FOR_SEVERAL:
        raise UsageError(
            f"--algorithm: {name!r} takes one objective, not {objectives}; for several there are "
            f"{', '.join(FOR_SEVERAL)}"
        )
    return full


def make_searcher(
    name: str | None,
    space: SearchSpace,
    objective: Objective | Sequence[Objective],
    budget: Budget,
    *,
    seed: int,
    algorithm_options: Mapping[str, Any] | None = None,
    past: Sequence[PastTrial] = (),
    stops_when_flat: bool = False,
    kept: Collection[str] = (),
    transfer: Sequence[TransferTrial] = (),
) -> OpenSearcher:
    """Return the searcher of a name, within the budget of trials and epochs.

    Args:
        name: The algorithm; None for the default.
        space: The search space.
        objective: One, or several, each with its direction.
        budget: Trials and epochs; the session enforces its time.
        seed: Equal seeds and histories give equal decisions.
        algorithm_options: The algorithm's options, by our names; see `automl.search.options`.
        past: Trials of earlier experiments on the same space, data and objectives.
        stops_when_flat: Whether little expected improvement ends a search with one objective.
        kept: Parameters of the model itself, which a copy of a trial cannot change.
        transfer: Trials on other data sets, from which `auto` learns where to begin.

    Raises:
        UsageError: An unknown name, or options that do not belong to it.
    """
    objectives = (objective,) if isinstance(objective, Objective) else tuple(objective)
    full = algorithm_named(name, objectives=len(objectives))
    options = options_of(full, algorithm_options or {}, objectives=len(objectives))
    setup = Setup(
        space, objectives, budget, seed, options, tuple(past), frozenset(kept), tuple(transfer)
    )
    terminator = None
    if stops_when_flat and len(objectives) == 1:
        from automl.search.terminator import ImprovementTerminator

        terminator = ImprovementTerminator(space, budget.epochs, seed=seed)
    return BudgetedSearcher(ALGORITHMS[full](setup), budget, objectives, terminator)
