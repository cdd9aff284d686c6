"""The search part of a request, from flags and TAO's settings."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from automl.errors import Fault, UsageError, check_all, disagreement, not_allowed, not_one_of
from automl.request.durations import seconds
from automl.request.objectives import resolved_objectives
from automl.search.algorithms import algorithm_named
from automl.search.options import options_of, parse_options
from automl.skill.info import SkillInfo
from automl.trial.budget import UNLIMITED, Budget
from automl.trial.objective import Objective

DEFAULT_TRIALS = 20
"""As TAO's automl_max_recommendations."""


@dataclass(frozen=True)
class SearchRequest:
    """The search as it was asked for; None is an option that was not given."""

    algorithm: str | None = None
    algorithm_options: Mapping[str, Any] = field(default_factory=dict)
    """Options of the algorithm, by our names or TAO's."""
    trials: int | None = None
    epochs: int | None = None
    concurrency: int | None = None
    objectives: tuple[str, ...] = ()
    """As `val_miou`, or with a direction as `latency_ms:min`."""
    constraints: tuple[str, ...] = ()
    """As `latency_ms<=20`."""
    confirm_seeds: int = 0
    """How often the best are trained again with fresh seeds."""
    stop_rule: str = "on"
    """Whether little expected improvement ends the search: on or off."""
    warm_start: str | None = None
    """An earlier experiment, or `auto` for all in the same folder that fit."""
    budget_epochs: int | None = None
    time: str | None = None
    """As `2h`, `90m`, `1h30m` or `45s`."""
    budget_cost: float | None = None
    """What the search may cost, at the price of an hour."""
    price_per_hour: float | None = None
    """Of all that the search runs on, in any currency."""

    def __post_init__(self) -> None:
        if self.stop_rule not in ("on", "off"):
            raise UsageError(not_one_of("--stop-rule", self.stop_rule, ("on", "off")))
        if self.confirm_seeds < 0:
            raise UsageError(not_allowed("--confirm-seeds", self.confirm_seeds, "0 or more"))

    def budget(self, epochs: int) -> Budget:
        """Return the budget of a search whose full trainings take `epochs` epochs.

        Without any limit there are 20 trials; a limit of epochs, time or cost needs no other.
        """
        limits = [] if self.time is None else [seconds(self.time)]
        if self.budget_cost is not None and self.price_per_hour is not None:
            limits.append(3600 * self.budget_cost / self.price_per_hour)
        is_limited = self.budget_epochs is not None or bool(limits)
        trials = UNLIMITED if is_limited else DEFAULT_TRIALS
        return Budget(
            trials=trials if self.trials is None else self.trials,
            epochs=epochs,
            budget_epochs=self.budget_epochs,
            time_s=min(limits, default=None),
            price_per_hour=self.price_per_hour,
        )

    def resolved_objectives(self, info: SkillInfo) -> tuple[Objective, ...]:
        """Return the objectives with their directions; see `automl.request.objectives`."""
        return resolved_objectives(self.objectives, self.constraints, info)

    def resolved(self) -> "SearchRequest":
        """Return the request with TAO's settings merged in and the algorithm's full name.

        Raises `UsageError` for options that are unknown, have no effect, or disagree.
        """
        parsed = parse_options(self.algorithm_options)
        flags = dict(parsed.experiment)
        if "epochs" in flags:
            flags["epochs"] *= parsed.options.get("epoch_multiplier", 1)
        if faults := [*self._disagreements(flags)]:
            raise UsageError(*faults)
        objectives = self.objectives
        if "metric" in flags or "direction" in flags:
            objectives = (*objectives, _tao_objective(flags))
        algorithm = flags.get("algorithm", self.algorithm)
        algorithm = algorithm_named(algorithm, objectives=max(1, len(objectives)))
        options_of(algorithm, parsed.options)
        return replace(
            self,
            algorithm=algorithm,
            algorithm_options=parsed.options,
            objectives=objectives,
            trials=flags.get("trials", self.trials),
            epochs=flags.get("epochs", self.epochs),
            concurrency=flags.get("concurrency", self.concurrency),
        )

    def _disagreements(self, flags: Mapping[str, Any]) -> list[str]:
        own = {name: getattr(self, name) for name in flags if name not in ("metric", "direction")}
        return [
            disagreement(f"--{name} {value}", f"--set {name}={flags[name]}")
            for name, value in own.items()
            if value is not None and value != flags[name]
        ]


def check_cost(cost: float | None, price_per_hour: float | None) -> None:
    """Raise `UsageError` for a cost or a price that says nothing."""
    check_all(
        lambda: _check_amount("--budget-cost", cost),
        lambda: _check_amount("--price-per-hour", price_per_hour),
    )
    if cost is not None and price_per_hour is None:
        raise UsageError(
            Fault(
                f"--budget-cost: {cost:g} says nothing without --price-per-hour",
                key="--price-per-hour",
            )
        )


def _check_amount(flag: str, value: float | None) -> None:
    if value is not None and not (math.isfinite(value) and value > 0):
        raise UsageError(not_allowed(flag, value, "a number above 0"))


def _tao_objective(flags: Mapping[str, Any]) -> str:
    """Return the objective of TAO's settings `metric` and `direction`."""
    if "metric" not in flags:
        raise UsageError(f"direction={flags['direction']} is given without metric")
    words = {"maximize": "max", "minimize": "min", "maximise": "max", "minimise": "min"}
    direction = flags.get("direction")
    metric = str(flags["metric"])
    return f"{metric}:{words.get(direction, direction)}" if direction else metric
