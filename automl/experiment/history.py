"""The history of an experiment: what its events add up to, both live and on replay."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from automl.trial.epochs import EpochCounter
from automl.trial.numbers import metrics_from_json
from automl.trial.trial import Decision, Outcome, Report, Trial, TrialState


@dataclass(frozen=True)
class Reported:
    """A report in the order of the journal."""

    trial: int
    report: Report
    epochs: int
    """Epochs that the trials of the search had trained together by then."""
    added: int
    """Those of them that this report added."""
    seconds: float
    """Time that the sessions had taken by then."""


@dataclass
class History:
    """Trials by number, the promotion and how the last session closed."""

    trials: dict[int, Trial] = field(default_factory=dict)
    course: list[Reported] = field(default_factory=list)
    """The reports of the search, without those of confirmations."""
    epochs: EpochCounter = field(default_factory=EpochCounter)
    """Epochs of the search, without those of confirmations."""
    promotion: dict[str, Any] | None = None
    closed: str | None = None
    """State that the last session closed with; None while one is open or was cut off."""
    closed_reason: str = ""
    """Why the last session failed or was stopped."""
    is_promoting: bool = False
    """Whether a promotion began after the last training: hardly anything is left to train."""
    answered: set[str] = field(default_factory=set)
    """Ids of the requests by hand that were carried out or refused."""
    events: int = 0
    """Events taken in so far: the journal may hold more by now."""
    driven_s: float = 0.0
    """Seconds that the sessions took, up to the last event."""
    _last: float | None = None
    """The wall clock at the last event, for people."""
    _clock: float | None = None
    """The session's own clock at the last event."""
    _resumed_at: dict[int, float] = field(default_factory=dict)
    _begun: set[int] = field(default_factory=set)
    """Trials that started or resumed in the last session."""
    _counted_from: dict[int, tuple[float, float]] = field(default_factory=dict)
    """By trial of this session: its clock at the start, and the trial's seconds before it."""

    def driven(self, now: float) -> float:
        """Return the seconds that the sessions took, the open one up to `now`."""
        return self.driven_s + (0.0 if self._last is None else max(0.0, now - self._last))

    def driven_at(self, elapsed: float) -> float:
        """Return the seconds that the sessions took, given those of the open one."""
        return self.driven_s + (0.0 if self._clock is None else max(0.0, elapsed - self._clock))

    def resumed_at(self, number: int) -> float:
        """Return when a trial last started or resumed."""
        return self._resumed_at[number]

    def has_begun(self, number: int) -> bool:
        """Whether a trial started or resumed in the last session."""
        return number in self._begun

    def count_running(self) -> None:
        """Count the time of the trials that run, up to the last event of the session."""
        for number in self._counted_from:
            trial = self.trials[number]
            if trial.state is TrialState.RUNNING:
                self._count_time(trial)
        self._counted_from = {}

    def apply(self, event: Mapping[str, Any]) -> None:
        """Take in one event; unknown kinds, which change no trial, are ignored."""
        self.events += 1
        # Sessions that earlier versions journaled have only the wall clock.
        clock = event.get("elapsed", event["time"])
        if event["event"] == "opened":  # Between two sessions nothing is driven.
            self.count_running()
        else:
            self.driven_s = self.driven_at(clock)
        self._last, self._clock = event["time"], clock
        handler = getattr(self, f"_on_{event['event']}", None)
        if handler is not None:
            handler(event)

    def _on_opened(self, event: Mapping[str, Any]) -> None:
        self.closed, self.closed_reason = None, ""
        self._begun = set()

    def _on_closed(self, event: Mapping[str, Any]) -> None:
        self.closed, self.closed_reason = event["state"], event.get("reason", "")
        self.count_running()

    def _on_promoted(self, event: Mapping[str, Any]) -> None:
        self.promotion = dict(event["promotion"])

    def _on_promoting(self, event: Mapping[str, Any]) -> None:
        self.is_promoting = True

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
            request=event.get("request"),
        )
        self.epochs.start(number, self.trials[number].parent)
        self._answer(event)
        self._begin(number, event)

    def _on_continue(self, event: Mapping[str, Any]) -> None:
        trial = self.trials[event["trial"]]
        if trial.state is TrialState.PAUSED and trial.reports:
            # A resumed training reports its last epoch again, and must not pause again.
            trial.reports[-1] = replace(trial.reports[-1], decision=Decision.CONTINUE)
        trial.state = TrialState.RUNNING
        trial.epochs = min(event["epochs"], trial.shortened_to or event["epochs"])
        self._begin(trial.number, event)

    def _on_report(self, event: Mapping[str, Any]) -> None:
        trial = self.trials[event["trial"]]
        report = Report.from_event(event)
        trial.reports.append(report)
        self._count_time(trial)
        if trial.confirms is None:
            added = self.epochs.report(trial.number, report.epoch)
            self.course.append(
                Reported(trial.number, report, self.epochs.spent, added, self.driven_s)
            )

    def _on_lost(self, event: Mapping[str, Any]) -> None:
        trial = self.trials[event["trial"]]
        trial.losses += 1
        self._count_time(trial)

    def _on_retried(self, event: Mapping[str, Any]) -> None:
        trial = self.trials[event["trial"]]
        trial.retries += 1
        self._count_time(trial)

    def _on_halved(self, event: Mapping[str, Any]) -> None:
        trial = self.trials[event["trial"]]
        trial.halvings += 1
        trial.adjusted.update(event["adjusted"])
        self._count_time(trial)

    def _on_shortened(self, event: Mapping[str, Any]) -> None:
        trial = self.trials[event["trial"]]
        trial.shortened_to = event["epochs"]
        trial.epochs = min(trial.epochs, event["epochs"])
        trial.adjusted.update(event["adjusted"])

    def _on_finish(self, event: Mapping[str, Any]) -> None:
        trial = self.trials[event["trial"]]
        outcome = Outcome.from_dict(event)
        if trial.state is not TrialState.PAUSED:  # Its time ended when it paused.
            self._count_time(trial)
        trial.state, trial.failure = outcome.state, outcome.failure

    def _on_stop_requested(self, event: Mapping[str, Any]) -> None:
        self.trials[event["trial"]].is_stop_requested = True
        self._answer(event)

    def _on_refused(self, event: Mapping[str, Any]) -> None:
        self._answer(event)

    def _answer(self, event: Mapping[str, Any]) -> None:
        if event.get("request") is not None:
            self.answered.add(event["request"])

    @property
    def added(self) -> int:
        """How many trials were added by hand, beyond those of the budget."""
        return sum(trial.request is not None for trial in self.trials.values())

    def _begin(self, number: int, event: Mapping[str, Any]) -> None:
        self.is_promoting = False
        self._resumed_at[number] = event["time"]
        self._begun.add(number)
        self._counted_from[number] = (self._clock or 0.0, self.trials[number].seconds)

    def _count_time(self, trial: Trial) -> None:
        """Count a trial's seconds up to this event; one of an earlier session has none since."""
        if trial.number in self._counted_from:
            begun, before = self._counted_from[trial.number]
            trial.seconds = before + max(0.0, (self._clock or 0.0) - begun)
