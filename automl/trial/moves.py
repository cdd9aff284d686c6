"""A searcher's moves: start a trial, continue a paused one, wait, done.

Two moves are equal if they do the same; their reasons are for people.
"""

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Start:
    """Start a new trial with these values and train it up to `epochs`."""

    trial: int
    values: dict[str, Any]
    epochs: int
    parent: int | None = None
    """The trial whose last checkpoint it begins from; None: from scratch."""
    reason: str = field(default="", compare=False)
    """Where the values come from."""
    request: str | None = None
    """The request that added it by hand, beyond the trials of the budget."""


@dataclass(frozen=True)
class Continue:
    """Resume a paused trial and train it up to `epochs`."""

    trial: int
    epochs: int
    reason: str = field(default="", compare=False)


@dataclass(frozen=True)
class Wait:
    """Nothing can start before a running trial reports or ends."""


@dataclass(frozen=True)
class Done:
    """Nothing is left to start."""

    reason: str = field(default="", compare=False)
    """Why the search is over."""


Move = Start | Continue | Wait | Done
