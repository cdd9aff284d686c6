"""Objectives and constraints as a user writes them, resolved with the metrics of a skill."""

from collections.abc import Sequence
from dataclasses import replace

from automl.errors import Fault, UsageError, closest, nearest
from automl.skill.info import SkillInfo
from automl.trial.objective import MODES, Constraint, Objective


def resolved_objectives(
    objectives: Sequence[str], constraints: Sequence[str], info: SkillInfo
) -> tuple[Objective, ...]:
    """Return the objectives with their directions, each with the constraints.

    Raises `UsageError` for a metric or direction that is not known.
    """
    limits = tuple(Constraint.parse(text) for text in constraints)
    resolved = [_objective(text, info) for text in objectives] or [info.objective]
    if faults := [*_faults(resolved, limits, info)]:
        raise UsageError(*faults)
    # The first ranks the trials; a trial's best checkpoint is the best by the skill's objective.
    resolved.sort(key=lambda objective: objective != info.stated_objective)
    # Every objective has the constraints: a report that breaks one has no value.
    return tuple(replace(objective, constraints=limits) for objective in resolved)


def _faults(
    objectives: Sequence[Objective], constraints: Sequence[Constraint], info: SkillInfo
) -> list[str]:
    metrics = [objective.metric for objective in objectives]
    faults = [
        f"--objective: {metric} is given twice"
        for metric in sorted(set(metrics))
        if metrics.count(metric) > 1
    ]
    flags = [("--objective", metric) for metric in metrics]
    flags += [("--constraint", constraint.metric) for constraint in constraints]
    faults += [
        fault
        for flag, metric in flags
        if (fault := _unknown_metric(flag, metric, info)) is not None
    ]
    first = info.stated_objective
    if first is not None and first not in objectives and not faults:
        faults.append(_missing_first(first, metrics))
    return faults


def _missing_first(first: Objective, metrics: Sequence[str]) -> Fault:
    """Return the fault of objectives without the skill's own, which one may have misspelt."""
    misspelt = first.metric not in metrics and closest(first.metric, metrics)
    advice = f"did you mean {first.metric}?" if misspelt else f"add --objective {first.metric}"
    return Fault(
        f"--objective: {first.metric}:{first.mode} must be one of them: each trial keeps "
        f"the checkpoint that is best by it; {advice}",
        key="--objective", value=list(metrics), nearest=first.metric if misspelt else None,
    )  # fmt: skip


def _objective(text: str, info: SkillInfo) -> Objective:
    metric, colon, mode = text.partition(":")
    if colon:
        if mode not in MODES:
            raise UsageError(f"--objective {text}: the direction {mode!r} is not one of max, min")
        return Objective(metric, mode)
    if info.stated_objective is not None and info.stated_objective.metric == metric:
        return info.stated_objective
    direction = _modes(info).get(metric)
    if direction is not None:
        return Objective(metric, direction)
    if fault := _unknown_metric("--objective", metric, info):
        raise UsageError(fault)
    raise UsageError(f"--objective {text}: add its direction, {text}:max or {text}:min")


def _unknown_metric(flag: str, metric: str, info: SkillInfo) -> Fault | None:
    """Return the fault of a metric; None if the skill does not list its metrics."""
    modes = _modes(info)
    if not info.metrics or metric in modes:
        return None
    metrics = [f"{name} ({mode})" if mode else name for name, mode in modes.items()]
    text = f"{flag}: {metric!r} is not measured{nearest(metric, modes)}; there are "
    return Fault(
        text + ", ".join(metrics), key=flag, value=metric, allowed=modes,
        nearest=closest(metric, modes),
    )  # fmt: skip


def _modes(info: SkillInfo) -> dict[str, str | None]:
    """Return the direction of each metric, costs included; None if the skill does not say."""
    modes: dict[str, str | None] = {m: facts.get("mode") for m, facts in info.metrics.items()}
    return modes | dict.fromkeys(info.cost_metrics, "min")
