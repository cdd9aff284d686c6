"""Numbers as JSON keeps them: it has no NaN, so null stands for a number that is not finite."""

import math
from collections.abc import Mapping


def number_from_json(value: float | None) -> float:
    """Return a number that was read from JSON, NaN for null."""
    return math.nan if value is None else float(value)


def metrics_from_json(content: Mapping[str, float | None]) -> dict[str, float]:
    """Return metrics that were read from JSON, NaN for null."""
    return {name: number_from_json(value) for name, value in content.items()}
