"""What was said about the search, by flags and by TAO's settings, brought together."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from automl.errors import UsageError, nearest
from automl.search.algorithms import algorithm_named
from automl.search.options import options_of, parse_options
from automl.skill.info import SkillInfo
from automl.trial.budget import UNLIMITED, Budget
from automl.trial.objective import MODES, Constraint, Objective

DEFAULT_TRIALS = 20
"""As TAO's automl_max_recommendations."""


@dataclass(frozen=True)
class SearchRequest:
    """The search as it was asked for; None where nothing was said."""

    algorithm: str | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)
    """Of the algorithm, by our names or TAO's."""
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
    warm_start: str | None = None
    """An earlier experiment, or `auto` for all beside this one that fit."""
    budget_epochs: int | None = None
    time: str | None = None
    """As `2h`, `90m`, `1h30m` or `45s`."""

    def budget(self, epochs: int) -> Budget:
        """Return the budget of a search whose full trainings take so many epochs.

        Without any limit the trials are 20; one of epochs or time needs no other.
        """
        is_limited = self.budget_epochs is not None or self.time is not None
        trials = UNLIMITED if is_limited else DEFAULT_TRIALS
        return Budget(
            trials=trials if self.trials is None else self.trials,
            epochs=epochs,
            budget_epochs=self.budget_epochs,
            time_s=None if self.time is None else seconds(self.time),
        )

    def resolved_objectives(self, info: SkillInfo) -> tuple[Objective, ...]:
        """Return the objectives with their directions, the constraints with the first of them.

        Raises `UsageError` for a metric or direction that is not known.
        """
        limits = tuple(Constraint.parse(text) for text in self.constraints)
        named = [_objective(text, info) for text in self.objectives] or [info.objective]
        metrics = [o.metric for o in named]
        faults = [
            f"--objective: {m} is given twice" for m in sorted(set(metrics)) if metrics.count(m) > 1
        ]
        faults += [
            fault
            for flag, metric in [
                *(("--objective", m) for m in metrics),
                *(("--constraint", c.metric) for c in limits),
            ]
            if (fault := _unknown_metric(flag, metric, info))
        ]
        first = info.stated_objective
        if first is not None and first not in named:
            faults.append(
                f"--objective: {first.metric}:{first.mode} must be one of them: each trial keeps "
                f"the checkpoint that is best by it; add --objective {first.metric}"
            )
        if faults:
            raise UsageError(*faults)
        # The first ranks the trials; the skill's best checkpoint is the best by its own.
        named.sort(key=lambda objective: objective != first)
        # Every objective is within the constraints: a report that breaks one has no value.
        return tuple(replace(objective, constraints=limits) for objective in named)

    def with_settings(self, more: Mapping[str, Any]) -> "SearchRequest":
        """Return the same with more settings; raises `UsageError` for one that is there already."""
        twice = [name for name in more if self.settings.get(name, more[name]) != more[name]]
        if twice:
            raise UsageError(*(f"{name}: is given twice with different values" for name in twice))
        return replace(self, settings={**self.settings, **more})

    def __post_init__(self) -> None:
        if self.stop_rule not in ("on", "off"):
            raise UsageError(f"--stop-rule: {self.stop_rule!r} is not one of on, off")
        if self.confirm_seeds < 0:
            raise UsageError(
                f"--confirm-seeds: {self.confirm_seeds} is not allowed: must be 0 or more"
            )

    def resolved(self) -> "SearchRequest":
        """Return the same with TAO's settings taken in, and the algorithm's full name.

        Raises `UsageError` for what is unknown, has no effect, or is said twice and disagrees.
        """
        parsed = parse_options(self.settings)
        said = dict(parsed.experiment)
        if "epochs" in said:
            said["epochs"] *= parsed.options.get("epoch_multiplier", 1)
        faults = [
            f"--{name} {flag} and --set {name}={said[name]} disagree; give one of them"
            for name in said
            if name not in ("metric", "direction")
            and (flag := getattr(self, name, None)) is not None
            and flag != said[name]
        ]
        if faults:
            raise UsageError(*faults)

        def one(name: str) -> Any:
            return said.get(name, getattr(self, name))

        objectives = self.objectives
        if "metric" in said or "direction" in said:
            objectives = (*objectives, _tao_objective(said))
        algorithm = algorithm_named(one("algorithm"), objectives=max(1, len(objectives)))
        options_of(algorithm, parsed.options)
        return replace(
            self,
            algorithm=algorithm,
            objectives=objectives,
            settings=parsed.options,
            trials=one("trials"),
            epochs=one("epochs"),
            concurrency=one("concurrency"),
        )


_DURATION = re.compile(r"(?:(\d+)h)?(?:(\d+)m(?:in)?)?(?:(\d+)s)?")


def seconds(text: str) -> float:
    """Return the seconds of a duration like `1h30m`; raises `UsageError` for another text."""
    match = _DURATION.fullmatch(text.strip())
    if not match or not any(match.groups()):
        raise UsageError(f"--time: {text!r} is not a duration: give hours, minutes and seconds as "
                         "2h, 90m, 1h30m or 45s")  # fmt: skip
    hours, minutes, rest = (int(group or 0) for group in match.groups())
    return float(hours * 3600 + minutes * 60 + rest)


def _tao_objective(said: Mapping[str, Any]) -> str:
    """Return the objective that TAO's settings `metric` and `direction` give."""
    if "metric" not in said:
        raise UsageError(f"direction={said['direction']} is given without metric")
    words = {"maximize": "max", "minimize": "min", "maximise": "max", "minimise": "min"}
    direction = said.get("direction")
    return f"{said['metric']}:{words.get(direction, direction)}" if direction else said["metric"]


def _objective(text: str, info: SkillInfo) -> Objective:
    metric, colon, mode = text.partition(":")
    if colon:
        if mode not in MODES:
            raise UsageError(f"--objective {text}: the direction {mode!r} is not one of max, min")
        return Objective(metric, mode)
    if info.stated_objective is not None and info.stated_objective.metric == metric:
        return info.stated_objective
    if metric in info.cost_metrics:
        return Objective(metric, "min")
    if fault := _unknown_metric("--objective", metric, info):
        raise UsageError(fault)
    raise UsageError(f"--objective {text}: say in which direction, {text}:max or {text}:min")


def _unknown_metric(flag: str, metric: str, info: SkillInfo) -> str | None:
    """Return what is wrong with a metric; nothing where the skill does not say what it reports."""
    known = (*info.metrics, *info.cost_metrics)
    if not info.metrics or metric in known:
        return None
    return (
        f"{flag}: {metric!r} is not measured{nearest(metric, known)}; there are {', '.join(known)}"
    )
