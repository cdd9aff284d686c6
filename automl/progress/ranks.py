"""Where a trial stands among those that reached the same epoch."""

import bisect
import math
from dataclasses import dataclass, field


@dataclass
class Ranks:
    """Losses by epoch, sorted; one that is not finite has no rank."""

    _losses: dict[int, list[float]] = field(default_factory=dict)

    def add(self, epoch: int, loss: float) -> None:
        """Take in the loss of one trial at an epoch."""
        if math.isfinite(loss):
            bisect.insort(self._losses.setdefault(epoch, []), loss)

    def place(self, epoch: int, loss: float) -> str:
        """Return `2nd of 8 at epoch 3`."""
        known = self._losses.get(epoch, [])
        if not math.isfinite(loss):
            return f"no number at epoch {epoch}"
        if len(known) < 2:
            return f"the first at epoch {epoch}"
        return f"{ordinal(bisect.bisect_left(known, loss) + 1)} of {len(known)} at epoch {epoch}"


def ordinal(number: int) -> str:
    """Return 1st, 2nd, 3rd, 4th, ..."""
    ending = "th" if number % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(
        number % 10, "th"
    )  # fmt: skip
    return f"{number}{ending}"
