"""How much of the budget is used, and how long the rest takes at the measured pace."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from automl.experiment.experiment import CONTENDERS
from automl.experiment.history import History
from automl.experiment.settings import Settings
from automl.trial.epochs import EpochCounter


@dataclass(frozen=True)
class Limit:
    """A limit of the budget, and how much of it is used: `trials`, `epochs`, `seconds`, `cost`."""

    name: str
    used: float
    limit: float
    is_asked: bool = True
    """False for epochs that only follow from the trials: few searches train them all."""

    @property
    def share(self) -> float:
        """The used part, 0 to 1."""
        return min(1.0, self.used / self.limit)


@dataclass(frozen=True)
class TimeLeft:
    """Seconds that remain at the pace measured so far."""

    seconds: float
    is_at_most: bool
    """Whether it may be less, since trials may be stopped early."""
    is_by_steps: bool = False
    """Whether the pace is that of the first steps, without validation, and not of epochs."""


@dataclass
class Pace:
    """Counts epochs and time of one experiment, event by event."""

    settings: Settings
    searched: int = 0
    """Epochs that the trials of the search trained, as `EpochCounter` counts them."""
    confirmed: int = 0
    """Epochs of the confirmation's repeats."""
    _epochs: EpochCounter = field(default_factory=EpochCounter)
    _running: set[int] = field(default_factory=set)
    _at_once: int = 1
    """The most trials that ran at once."""
    _first_s: float | None = None
    """Seconds up to the first report, which include the start of the workers."""

    def apply(self, event: Mapping[str, Any], history: History) -> None:
        """Take in an event, before `history` does."""
        if event["event"] in ("start", "continue"):
            self._running.add(event["trial"])
            self._at_once = max(self._at_once, len(self._running))
        elif event["event"] == "finish":
            self._running.discard(event["trial"])
        if event["event"] == "start":
            self._epochs.start(event["trial"], event.get("parent"))
        elif event["event"] == "report":
            number, epoch = event["trial"], event["epoch"]
            if self._first_s is None:
                self._first_s = history.driven(event["time"])
            added = self._epochs.report(number, epoch)
            if history.trials[number].confirms is None:
                self.searched += added
            else:
                self.confirmed += added

    def limits(self, history: History, driven_s: float) -> tuple[Limit, ...]:
        """Return the limits of the budget, trials first."""
        budget = self.settings.budget
        # A trial counts once it has trained an epoch, or has ended without one.
        trained = sum(
            trial.confirms is None and (bool(trial.reports) or trial.state.is_final)
            for trial in history.trials.values()
        )
        limits = []
        if budget.is_limited_in_trials:
            limits.append(Limit("trials", trained, budget.trials + history.added))
        if budget.budget_epochs is not None:
            limits.append(Limit("epochs", self.searched, budget.budget_epochs))
        elif budget.is_limited_in_trials:
            most = (budget.trials + history.added) * budget.epochs
            limits.append(Limit("epochs", self.searched, most, is_asked=False))
        if budget.time_s is not None:
            limits.append(Limit("seconds", driven_s, budget.time_s))
            spent, allowed = budget.cost(driven_s), budget.cost(budget.time_s)
            if spent is not None and allowed is not None:
                limits.append(Limit("cost", spent, allowed))
        return tuple(limits)

    def left(
        self, history: History, now: float, *, epoch_s: float | None = None
    ) -> TimeLeft | None:
        """Return the time left of search and confirmation.

        Until more epochs have finished than trials run concurrently, which include worker start-up,
        the pace is that of `epoch_s`, the seconds of an epoch by its first steps; None without.
        """
        driven = history.driven(now)
        done = self.searched + self.confirmed
        is_by_steps = self._first_s is None or done <= self._at_once
        if self._first_s is not None and not is_by_steps:
            per_epoch = (driven - self._first_s) / (done - 1)
        elif epoch_s is not None:
            per_epoch = epoch_s / self._at_once
        else:
            return None
        seconds, is_at_most = self._search_left(history, driven, per_epoch)
        seconds += self._confirmation_left() * per_epoch
        return TimeLeft(seconds, is_at_most, is_by_steps)

    def _search_left(self, history: History, driven: float, per_epoch: float) -> tuple[float, bool]:
        budget = self.settings.budget
        trials = [t for t in history.trials.values() if t.confirms is None]
        if len(trials) < len(history.trials):
            return 0.0, False
        ends: list[tuple[float, bool]] = []
        if budget.is_limited_in_trials:
            open_trials = [t for t in trials if not t.state.is_final]
            epochs = (budget.trials + history.added - len(trials)) * budget.epochs
            epochs += sum(max(0, budget.epochs - t.epoch) for t in open_trials)
            ends.append((epochs * per_epoch, self.settings.policy != "off"))
        if budget.budget_epochs is not None:
            ends.append((max(0, budget.budget_epochs - self.searched) * per_epoch, False))
        if budget.time_s is not None:
            ends.append((max(0.0, budget.time_s - driven), False))
        return min(ends)

    def _confirmation_left(self) -> int:
        repeats = CONTENDERS * self.settings.confirm_seeds
        return max(0, repeats * self.settings.budget.epochs - self.confirmed)
