"""Counts the epochs that trials trained, each of them once."""

from dataclasses import dataclass, field


@dataclass
class EpochCounter:
    """The epochs spent by all trials together.

    A copy of another trial begins with its parent's epochs, which were paid for already. A resumed
    trial reports its last epoch again, which costs nothing either.
    """

    spent: int = 0
    _reached: dict[int, int] = field(default_factory=dict)

    def copy(self) -> "EpochCounter":
        """Return a counter that goes on from here by itself."""
        return EpochCounter(self.spent, dict(self._reached))

    def start(self, trial: int, parent: int | None = None) -> None:
        """Take in a new trial."""
        self._reached[trial] = 0 if parent is None else self._reached.get(parent, 0)

    def report(self, trial: int, epoch: int) -> int:
        """Take in an epoch of a trial; return how many epochs it adds."""
        reached = self._reached.get(trial, 0)
        added = max(0, epoch - reached)
        self._reached[trial] = reached + added
        self.spent += added
        return added
