"""The history of an experiment: what its events add up to, both live and on replay."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from automl.trial.numbers import metrics_from_json
from automl.trial.trial import Decision, Outcome, Report, Trial, TrialState


@dataclass
class History:
    """Trials by number, the promotion and how the last session closed."""

    trials: dict[int, Trial] = field(default_factory=dict)
    promotion: dict[str, Any] | None = None
    closed: str | None = None
    """State that the last session closed with; None while one is open or was cut off."""
    driven_s: float = 0.0
    """Seconds that the sessions took, up to the last event."""
    _last: float | None = None
    _resumed: dict[int, tuple[float, float]] = field(default_factory=dict)

    def driven(self, now: float) -> float:
        """Return the seconds that the sessions took, the open one up to `now`."""
        return self.driven_s + (0.0 if self._last is None else max(0.0, now - self._last))

    def resumed_at(self, number: int) -> float:
        """Return when a trial last started or resumed."""
        return self._resumed[number][0]

    def apply(self, event: Mapping[str, Any]) -> None:
        """Take in one event; unknown kinds, which change no trial, are ignored."""
        if event["event"] != "opened":  # Between two sessions nothing is driven.
            self.driven_s = self.driven(event["time"])
        self._last = event["time"]
        handler = getattr(self, f"_on_{event['event']}", None)
        if handler is not None:
            handler(event)

    def _on_opened(self, event: Mapping[str, Any]) -> None:
        self.closed = None

    def _on_closed(self, event: Mapping[str, Any]) -> None:
        self.closed = event["state"]

    def _on_promoted(self, event: Mapping[str, Any]) -> None:
        self.promotion = dict(event["promotion"])

    def _on_start(self, event: Mapping[str, Any]) -> None:
        number, time = event["trial"], event["time"]
        self.trials[number] = Trial(
            number=number,
            values=dict(event["values"]),
            epochs=event["epochs"],
            started=time,
            parent=event.get("parent"),
            confirms=event.get("confirms"),
            adjusted=dict(event.get("adjusted", {})),
            costs=metrics_from_json(event.get("costs", {})),
            reason=event.get("reason", ""),
        )
        self._resumed[number] = (time, 0.0)

    def _on_continue(self, event: Mapping[str, Any]) -> None:
        trial = self.trials[event["trial"]]
        if trial.state is TrialState.PAUSED and trial.reports:
            # A resumed training reports its last epoch again, and must not pause again.
            trial.reports[-1] = replace(trial.reports[-1], decision=Decision.CONTINUE)
        trial.state = TrialState.RUNNING
        trial.epochs = event["epochs"]
        self._resumed[trial.number] = (event["time"], trial.seconds)

    def _on_report(self, event: Mapping[str, Any]) -> None:
        trial = self.trials[event["trial"]]
        trial.reports.append(Report.from_event(event))
        self._count_time(trial, event["time"])

    def _on_lost(self, event: Mapping[str, Any]) -> None:
        trial = self.trials[event["trial"]]
        trial.losses += 1
        self._count_time(trial, event["time"])

    def _on_halved(self, event: Mapping[str, Any]) -> None:
        trial = self.trials[event["trial"]]
        trial.halvings += 1
        trial.adjusted.update(event["adjusted"])
        self._count_time(trial, event["time"])

    def _on_finish(self, event: Mapping[str, Any]) -> None:
        trial = self.trials[event["trial"]]
        outcome = Outcome.from_dict(event)
        if trial.state is not TrialState.PAUSED:  # Its time ended when it paused.
            self._count_time(trial, event["time"])
        trial.state, trial.failure = outcome.state, outcome.failure

    def _count_time(self, trial: Trial, time: float) -> None:
        resumed, before = self._resumed[trial.number]
        trial.seconds = before + time - resumed
