"""The objective of a search: a metric and its direction, within constraints."""

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any

from automl.errors import UsageError

MODES = ("max", "min")
_CONSTRAINT = re.compile(r"\s*([\w.\-]+)\s*(<=|>=)\s*(\S+)\s*")


class ReportError(Exception):
    """A report makes no sense: its epoch is out of order or no number, or a metric is none."""

    kind = "bad_report"
    """The failure kind of the trial that reported."""


class MissingMetricError(ReportError):
    """A report lacks a metric that the search optimises or limits."""

    kind = "no_metric"


@dataclass(frozen=True)
class Constraint:
    """A metric that must not be above, or below, a limit."""

    metric: str
    operator: str
    limit: float

    def __post_init__(self) -> None:
        if self.operator not in ("<=", ">="):
            raise UsageError(f"--constraint: {self.operator!r} is not one of <=, >=")
        if not math.isfinite(self.limit):
            raise UsageError(f"--constraint {self}: the limit must be a finite number")

    @classmethod
    def parse(cls, text: str) -> "Constraint":
        """Read `latency_ms<=20`; raises `UsageError` for another form."""
        match = _CONSTRAINT.fullmatch(text)
        try:
            if match is None:
                raise ValueError
            return cls(match[1], match[2], float(match[3]))
        except ValueError:
            raise UsageError(
                f"--constraint: {text!r} is not understood; give METRIC<=LIMIT or METRIC>=LIMIT, "
                "e.g. latency_ms<=20"
            ) from None

    def holds(self, value: float) -> bool:
        """Whether a value is within the limit; NaN is not."""
        return value <= self.limit if self.operator == "<=" else value >= self.limit

    def __str__(self) -> str:
        """Return the form that `parse` reads."""
        return f"{self.metric}{self.operator}{self.limit:g}"


@dataclass(frozen=True)
class Objective:
    """A metric of the reports and the direction in which it improves."""

    metric: str
    mode: str
    constraints: tuple[Constraint, ...] = ()
    """A report that breaks one has no value."""

    def __post_init__(self) -> None:
        if not isinstance(self.metric, str):
            raise UsageError(f"objective: metric {self.metric!r} is not the name of a metric")
        if self.mode not in MODES:
            raise UsageError(f"objective: mode {self.mode!r} is not one of {', '.join(MODES)}")

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> "Objective":
        """Return the objective of a plain form; the inverse of `to_dict`."""
        limits = tuple(Constraint.parse(text) for text in content.get("constraints", ()))
        return cls(content["metric"], content["mode"], limits)

    def measured(self, metrics: Mapping[str, float]) -> float:
        """Return the metric of a report; raises `MissingMetricError` naming those that exist."""
        return _of(self.metric, metrics)

    def value(self, metrics: Mapping[str, float]) -> float:
        """Return the objective of a report, NaN if it breaks a constraint.

        Raises `MissingMetricError` naming the metrics that exist if one is missing.
        """
        is_within = all(c.holds(_of(c.metric, metrics)) for c in self.constraints)
        return self.measured(metrics) if is_within else math.nan

    def defect(self, metrics: Mapping[str, float]) -> str:
        """Return why a report has no value: `loss is nan`, `violates size<=1`; else nothing."""
        measured = self.measured(metrics)
        if not math.isfinite(measured):
            return f"{self.metric} is {measured}"
        broken = [c for c in self.constraints if not c.holds(_of(c.metric, metrics))]
        return f"violates {', '.join(map(str, broken))}" if broken else ""

    def is_better(self, value: float, than: float) -> bool:
        """Whether `value` beats `than`; a value that is not finite beats nothing."""
        if not math.isfinite(value):
            return False
        if not math.isfinite(than):
            return True
        return value > than if self.mode == "max" else value < than

    def loss(self, value: float) -> float:
        """Return the value as a loss, to be minimised."""
        return -value if self.mode == "max" else value

    def best(self, values: Iterable[float]) -> float | None:
        """Return the best finite value, None if there is none."""
        finite = [v for v in values if math.isfinite(v)]
        if not finite:
            return None
        return max(finite) if self.mode == "max" else min(finite)

    def to_dict(self) -> dict[str, Any]:
        """Return the plain form that settings and JSON output hold."""
        plain: dict[str, Any] = {"metric": self.metric, "mode": self.mode}
        if self.constraints:
            plain["constraints"] = [str(c) for c in self.constraints]
        return plain


LAST_EPOCH = Objective("epoch", "max")
"""The objective of a training whose skill states none: its last epoch is its best."""


@dataclass
class RunningBest:
    """The best objective so far; NaN before the first finite one."""

    objective: Objective
    value: float = math.nan

    def improves(self, value: float) -> bool:
        """Take in a value; return whether it beats all before it."""
        is_better = self.objective.is_better(value, self.value)
        if is_better:
            self.value = value
        return is_better


def value_of(objectives: Sequence[Objective], metrics: Mapping[str, float]) -> Any:
    """Return the value of a report as a searcher takes it: a number, or a tuple of several."""
    if len(objectives) == 1:
        return objectives[0].value(metrics)
    return tuple(objective.value(metrics) for objective in objectives)


def numbers_of_report(epoch: Any, metrics: Mapping[str, Any]) -> dict[str, float]:
    """Return the metrics of a report as numbers; raises `ReportError` for what is none."""
    if not isinstance(epoch, Integral) or isinstance(epoch, bool):
        raise ReportError(f"the report's epoch is {epoch!r}, which is not a whole number")
    for name, value in metrics.items():
        if not isinstance(value, Real) or isinstance(value, bool):
            raise ReportError(f"{name} is {value!r} at epoch {epoch}, which is not a number")
    return {str(name): float(value) for name, value in metrics.items()}


def _of(metric: str, metrics: Mapping[str, float]) -> float:
    if metric not in metrics:
        raise MissingMetricError(
            f"the report has no {metric}; it has {', '.join(sorted(metrics)) or 'nothing'}"
        )
    return float(metrics[metric])
