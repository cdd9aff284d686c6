"""Options of the algorithms, by our names and TAO's, with their kinds, bounds and defaults."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from automl.errors import UsageError, disagreement, nearest

ALIASES = {"b": "bayesian", "h": "hyperband", "hes": "hyperband_es"}
"""TAO's short names of algorithms."""

HALVING = ("asha", "moasha", "hyperband", "hyperband_es", "bohb", "dehb", "tpe")
_FULL = ("random", "grid", "bayesian", "tpe", "bfbo", "cmaes")
_POPULATIONS = ("pbt", "pb2")


@dataclass(frozen=True)
class Option:
    """One option: its kind, bounds or choices, default and algorithms."""

    kind: type
    default: Any
    algorithms: tuple[str, ...]
    low: float = 0.0
    high: float = float("inf")
    choices: tuple[str, ...] = ()
    other_defaults: Mapping[str, Any] = field(default_factory=dict)
    """Defaults of single algorithms, with one objective, that differ from `default`."""

    def fault(self, value: Any) -> str | None:
        """Return why a value is not allowed; None if it is."""
        if self.choices:
            return None if value in self.choices else f"must be one of {', '.join(self.choices)}"
        kinds = (int,) if self.kind is int else (int, float)
        if isinstance(value, bool) or not isinstance(value, kinds):
            return f"must be {'a whole number' if self.kind is int else 'a number'}"
        if not self.low <= value <= self.high:
            return f"must be in [{self.low:g}, {self.high:g}]"
        return None


OPTIONS: dict[str, Option] = {
    "reduction_factor": Option(int, 3, HALVING, 2, 100),
    "epoch_multiplier": Option(int, 1, (*HALVING, *_POPULATIONS), 1),
    "type": Option(str, "promote", ("asha", "moasha"), choices=("promote", "stop")),
    "pruner": Option(
        str,
        "none",
        _FULL,
        choices=("none", "halving", "median"),
        other_defaults={"tpe": "halving"},
    ),
    "grid_points": Option(int, 3, ("grid",), 1, 1000),
    "population_size": Option(int, 10, (*_POPULATIONS, "nsga2", "cmaes"), 2, 10_000),
    "max_generations": Option(int, 20, _POPULATIONS, 1),
    "eval_interval": Option(int, 10, _POPULATIONS, 1),
    "perturbation_factor": Option(float, 1.2, _POPULATIONS, 1.0, 100.0),
    "mutation_factor": Option(float, 0.5, ("dehb",), 0.0, 2.0),
    "crossover_prob": Option(float, 0.5, ("dehb", "nsga2"), 0.0, 1.0),
    "early_stop_threshold": Option(float, 0.1, ("hyperband_es",), 0.0, 1.0),
    "min_early_stop_epochs": Option(int, 3, ("hyperband_es",), 1),
    "kde_samples": Option(int, 64, ("bohb",), 1, 100_000),
    "top_n_percent": Option(float, 15.0, ("bohb",), 1.0, 99.0),
    "min_points_in_model": Option(int, 10, ("bohb",), 3),
    "min_top_configs": Option(int, 5, ("bohb",), 1),
}
"""By our names; TAO's begin with `automl_`."""

EXPERIMENT = {
    "max_recommendations": "trials",
    "num_recommendations": "trials",
    "max_trials": "trials",
    "max_epochs": "epochs",
    "R": "epochs",
    "max_concurrent": "concurrency",
    "algorithm": "algorithm",
    "metric": "metric",
    "direction": "direction",
}
"""TAO's options that are flags of the experiment here."""
SYNONYMS = {"nu": "reduction_factor"}

REFUSED = {
    "max_experiments": "belongs to TAO's autoresearch, which is not built; use --trials",
    "research_program": "belongs to TAO's autoresearch, which is not built",
    "hybrid_enable_llm_range_narrowing": "belongs to TAO's hybrid, which is not built",
    "delete_intermediate_ckpt": "checkpoints always keep the best and the last of each trial",
    "checkpoint_retention_strategy": "checkpoints always keep the best and the last of each trial",
    "run_baseline": "trial 0 always has the defaults and is the baseline",
    "run_final_evaluation": "the promoted model is always measured again",
}


@dataclass(frozen=True)
class Parsed:
    """Options, sorted into those of the experiment and the algorithm's own."""

    experiment: Mapping[str, Any]
    """By the name of the flag: trials, epochs, concurrency, algorithm, metric, direction."""
    options: Mapping[str, Any]
    """By our name."""


def canonical_name(name: str) -> str:
    """Return our name, of a flag or an option, for an option by TAO's or our name."""
    short = name.removeprefix("automl_")
    short = SYNONYMS.get(short, short)
    flag = EXPERIMENT.get(short, short)
    return "objective" if flag in ("metric", "direction") else flag


def parse_options(settings: Mapping[str, Any]) -> Parsed:
    """Sort options given by our names or TAO's.

    Raises `UsageError` naming every one that is unknown, refused, given twice or out of bounds.
    """
    experiment: dict[str, Any] = {}
    options: dict[str, Any] = {}
    faults: list[str] = []
    for name, value in settings.items():
        short = name.removeprefix("automl_")
        short = SYNONYMS.get(short, short)
        if short in EXPERIMENT:
            target, key = experiment, EXPERIMENT[short]
        elif short in OPTIONS:
            target, key = options, short
            fault = OPTIONS[short].fault(value)
            faults += [f"--set {name}: {value!r} is not allowed: {fault}"] if fault else []
        else:
            faults.append(_unknown(name, short))
            continue
        if target.get(key, value) != value:
            faults.append(disagreement(f"--set {name}: {value!r}", repr(target[key])))
        target[key] = value
    if faults:
        raise UsageError(*faults)
    return Parsed(experiment, options)


def _unknown(name: str, short: str) -> str:
    if short.startswith("llm"):
        return f"--set {name}: searching by a language model is not built"
    if short in REFUSED:
        return f"--set {name}: cannot be set: {REFUSED[short]}"
    names = [*OPTIONS, *EXPERIMENT, *SYNONYMS]
    if name.startswith("automl_"):
        names = [f"automl_{name}" for name in names]
    return f"--set {name}: unknown setting{nearest(name, names)}"


def options_of(
    algorithm: str, overrides: Mapping[str, Any], *, objectives: int = 1
) -> dict[str, Any]:
    """Return all options of an algorithm, defaults filled in.

    Raises `UsageError` naming each that the algorithm does not have.
    """
    faults = [
        f"--set {name}: has no effect with --algorithm {algorithm}; it belongs to "
        f"{', '.join(OPTIONS[name].algorithms)}"
        for name in overrides
        if algorithm not in OPTIONS[name].algorithms
    ]
    if faults:
        raise UsageError(*faults)
    defaults = {name: o.default for name, o in OPTIONS.items() if algorithm in o.algorithms}
    if objectives == 1:
        defaults |= {
            name: OPTIONS[name].other_defaults[algorithm]
            for name in defaults
            if algorithm in OPTIONS[name].other_defaults
        }
    return {**defaults, **overrides}
