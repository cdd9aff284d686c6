"""How much a search may spend."""

import math
from dataclasses import dataclass

from automl.errors import UsageError, not_allowed
from automl.formats import counted, duration

UNLIMITED = 1_000_000_000
"""Trials of a search that only its epochs or its time limit."""


@dataclass(frozen=True)
class Budget:
    """The limits of a search; the one that is reached first ends it."""

    trials: int
    """Configurations that are started."""
    epochs: int
    """Epochs of one full training."""
    budget_epochs: int | None = None
    """Epochs trained by all trials together."""
    time_s: float | None = None
    """Seconds that the search is driven, summed over its sessions; the searcher has no clock."""
    price_per_hour: float | None = None
    """What an hour of the search costs, if the user said it."""

    def __post_init__(self) -> None:
        faults = [
            not_allowed(f"--{name}", value, "1 or more")
            for name, value in (
                ("trials", self.trials),
                ("epochs", self.epochs),
                ("budget-epochs", self.budget_epochs),
            )
            if value is not None and value < 1
        ]
        if self.time_s is not None and not (math.isfinite(self.time_s) and self.time_s > 0):
            faults.append(not_allowed("--time", self.time_s, "above 0 s"))
        if faults:
            raise UsageError(*faults)

    @property
    def is_limited_in_trials(self) -> bool:
        """Whether the number of trials is limited."""
        return self.trials < UNLIMITED

    def cost(self, seconds: float) -> float | None:
        """Return the cost of a number of seconds, None if no price was given."""
        return None if self.price_per_hour is None else seconds / 3600 * self.price_per_hour

    def __str__(self) -> str:
        """Return the limits in words: `20 trials of up to 50 epochs, at most 500 epochs in all`."""
        trials = counted(self.trials, "trial") if self.is_limited_in_trials else "trials"
        parts = [f"{trials} of up to {counted(self.epochs, 'epoch')}"]
        if self.budget_epochs is not None:
            parts.append(f"at most {counted(self.budget_epochs, 'epoch')} in all")
        if self.time_s is not None:
            cost = self.cost(self.time_s)
            parts.append(
                f"at most {duration(self.time_s)}" + ("" if cost is None else f" ({cost:.2f})")
            )
        return ", ".join(parts)
