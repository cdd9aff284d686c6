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


PREFIX = "automl_"
"""How TAO's names of the settings begin, most of them."""

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
    "transfer": Option(str, "skill", ("auto",), choices=("skill", "none")),
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
    "hyperparameters": "give --search KEY=auto for each key to search, and --keep KEY for each that"
    " is not",
    "additional_automl_parameters": "give --search KEY=auto for each key",
    "remove_default_automl_parameters": "give --keep KEY for each key",
    "override_automl_disabled_params": "--search KEY=auto searches a key that is off by default",
    "override_disabled_params": "--search KEY=auto searches a key that is off by default",
    "custom_param_ranges": "give --search 'KEY=log(low,high)', or a file with custom_param_ranges"
    " by --space FILE",
    "range_override": "give --search 'KEY=log(low,high)', or a file with custom_param_ranges by"
    " --space FILE",
    "network_arch": "give --skill",
    "gpu_count": "give --gpus-per-trial or train.num_gpus",
    "results_root": "give --out",
    "workspace": "give --out",
    "session_id": "an experiment is named by its folder; give --out",
    "experiment_id": "an experiment is named by its folder; give --out",
    "platform": "trials run on this machine or on a Ray cluster; give --address",
    "baseline_metric": "trial 0 always has the defaults and is the baseline",
    "final_evaluation_metric": "the promoted model is always measured again",
    "train_sample_count": "the batch size is that of the spec",
    "allow_unsafe_effective_batch": "the batch size is that of the spec",
    "max_experiments": "belongs to TAO's autoresearch, which is not built; use --trials",
    "research_program": "belongs to TAO's autoresearch, which is not built",
    "hybrid_enable_llm_range_narrowing": "belongs to TAO's hybrid, which is not built",
    "delete_intermediate_ckpt": "checkpoints always keep the best and the last of each trial",
    "checkpoint_retention_strategy": "checkpoints always keep the best and the last of each trial",
    "run_baseline": "trial 0 always has the defaults and is the baseline",
    "run_final_evaluation": "the promoted model is always measured again",
}


_WHOLE = ("trials", "epochs", "concurrency")


def is_plain_name(name: str) -> bool:
    """Whether a name is that of a setting that TAO writes without `automl_`."""
    return (
        name in ("num_recommendations", "epoch_multiplier", "metric", "direction")
        or name in REFUSED.keys() - {"hyperparameters"}
        or name.startswith(("llm_", "evaluation_records_"))
    )


@dataclass(frozen=True)
class Parsed:
    """Options, sorted into those of the experiment and the algorithm's own."""

    experiment: Mapping[str, Any]
    """By the name of the flag: trials, epochs, concurrency, algorithm, metric, direction."""
    options: Mapping[str, Any]
    """By our name."""


def canonical_name(name: str) -> str:
    """Return our name, of a flag or an option, for an option by TAO's or our name."""
    short = name.removeprefix(PREFIX)
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
    for name, given in settings.items():
        short = name.removeprefix(PREFIX)
        short = SYNONYMS.get(short, short)
        value = number_of_text(given)
        if short in EXPERIMENT:
            if value is None:
                continue
            target, key = experiment, EXPERIMENT[short]
            fault = _experiment_fault(key, value)
            faults += [f"--set {name}: {value!r} is not allowed: {fault}"] if fault else []
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


def number_of_text(value: Any) -> Any:
    """Return the number that a text is, as JSON and a shell may quote it; else the value itself.

    A number without a fraction is a whole number.
    """
    number = value
    if isinstance(value, str):
        try:
            number = float(value)
        except ValueError:
            return value
    is_whole = isinstance(number, float) and number.is_integer()
    return int(number) if is_whole else number


def _experiment_fault(key: str, value: Any) -> str | None:
    if key in _WHOLE:
        is_whole = isinstance(value, int) and not isinstance(value, bool)
        return None if is_whole else "must be a whole number"
    return None if isinstance(value, str) else "must be a text"


def _unknown(name: str, short: str) -> str:
    short = short.partition(".")[0]
    if short.startswith("llm"):
        return f"--set {name}: searching by a language model is not built"
    if short in REFUSED:
        shown = short if is_plain_name(short) else name
        return f"--set {shown}: cannot be set: {REFUSED[short]}"
    names = [*OPTIONS, *EXPERIMENT, *SYNONYMS]
    if name.startswith("automl_"):
        names = [PREFIX + name for name in names]
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
