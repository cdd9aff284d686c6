"""What a search optimises: a metric and its direction."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from automl.errors import UsageError

MODES = ("max", "min")


@dataclass(frozen=True)
class Objective:
    """A metric of the reports and the direction in which it improves."""

    metric: str
    mode: str

    def __post_init__(self) -> None:
        if self.mode not in MODES:
            raise UsageError(f"objective: mode {self.mode!r} is not one of {', '.join(MODES)}")

    def value(self, metrics: Mapping[str, float]) -> float:
        """Return the objective of a report; raises `KeyError` listing the metrics that exist."""
        if self.metric not in metrics:
            raise KeyError(
                f"the report has no {self.metric}; it has {', '.join(sorted(metrics)) or 'nothing'}"
            )
        return float(metrics[self.metric])

    def is_better(self, value: float, than: float) -> bool:
        """Whether `value` beats `than`; a value that is not finite beats nothing."""
        if not math.isfinite(value):
            return False
        if not math.isfinite(than):
            return True
        return value > than if self.mode == "max" else value < than

    def loss(self, value: float) -> float:
        """Return the value as something to be minimised."""
        return -value if self.mode == "max" else value

    def best(self, values: Iterable[float]) -> float | None:
        """Return the best finite value, or None where there is none."""
        finite = [v for v in values if math.isfinite(v)]
        if not finite:
            return None
        return max(finite) if self.mode == "max" else min(finite)

    def to_dict(self) -> dict[str, Any]:
        """Return the plain form that settings and JSON output hold."""
        return asdict(self)
