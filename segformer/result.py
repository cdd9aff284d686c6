"""The result of an action, and its reports while it runs."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

Report = Callable[[int, dict[str, float]], str]
"""Called after each validation with (epoch counted from 1, metrics); answers "continue", "pause"
(save a checkpoint and end, to be resumed later) or "stop" (end for good)."""


@dataclass(frozen=True)
class Result:
    """The files and the numbers of one finished run."""

    artifacts: dict[str, Path] = field(default_factory=dict)
    """Name to file, e.g. checkpoint, onnx."""
    metrics: dict[str, float] = field(default_factory=dict)
    """Name to value, e.g. val_miou."""
    note: str = ""
    """A sentence for the user, if the action did not do all that was asked."""
