"""What a searcher asks for: start, continue, wait, done."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Start:
    """Start a new trial with these values and train it up to `epochs`."""

    trial: int
    values: dict[str, Any]
    epochs: int
    parent: int | None = None
    """The trial whose last checkpoint it begins from; None: from scratch."""


@dataclass(frozen=True)
class Continue:
    """Go on with a paused trial up to `epochs`."""

    trial: int
    epochs: int


@dataclass(frozen=True)
class Wait:
    """Nothing to start before a running trial reports or ends."""


@dataclass(frozen=True)
class Done:
    """Nothing is left to start."""


Move = Start | Continue | Wait | Done
