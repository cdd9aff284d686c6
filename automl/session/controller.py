"""Drives one experiment: asks the searcher, feeds the runner, writes the journal, calls observers.

Only the driver's process writes. Every change goes to the journal first and is applied from
there, live and on a resume alike.
"""

import time
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from automl.errors import Stopped
from automl.experiment.experiment import Experiment
from automl.experiment.journal import Journal, opened_event
from automl.experiment.observer import ExperimentObserver
from automl.experiment.requests import forget
from automl.files import remove
from automl.runners.base import Task
from automl.search.base import OpenSearcher
from automl.session.by_hand import STOPPED, ByHand
from automl.session.confirmation import Repeat, next_repeat
from automl.session.deadline import TOO_LATE, Deadline
from automl.session.disk import Disk
from automl.session.foresight import Foresight
from automl.session.giving_up import GivingUp
from automl.session.patience import Patience
from automl.session.preparation import Preparation
from automl.session.replay import replay
from automl.session.report_order import ReportOrder
from automl.trial.moves import Continue, Done, Start, Wait
from automl.trial.objective import value_of
from automl.trial.trial import (
    CONTINUE,
    Decision,
    Failure,
    FailureKind,
    Outcome,
    TrialState,
    Verdict,
)

OUT_OF_TIME = "the time of the budget is spent"
TRIED_AGAIN = "crashed after it had reported; tried once more from its checkpoint"
LOSSES = (FailureKind.LOST, FailureKind.HUNG)
"""Failures of the process, not of the values that it trained."""
LOSSES_BEFORE_FAILING = 3


class Controller:
    """The `Driver` of the runners, for one session of one experiment."""

    def __init__(
        self,
        experiment: Experiment,
        searcher: OpenSearcher,
        preparation: Preparation,
        observers: Sequence[ExperimentObserver],
    ) -> None:
        self.experiment = experiment
        self._searcher = searcher
        self._observers = observers
        self._journal = Journal(experiment.paths.journal)
        self._preparation = preparation
        self._patience = Patience.of(experiment.settings.hang_limit, experiment.history)
        self._disk = Disk(experiment)
        self._opened = time.monotonic()
        self._order = ReportOrder(experiment, preparation)
        self._foresight = Foresight.of(experiment.settings.budget.time_s, searcher)
        self._deadline = Deadline.of(experiment, preparation)
        past = self._deadline.following(self._journal.read())
        replay(past, searcher, experiment, self._foresight)
        self._interrupted = deque(sorted(self._running()))
        self._giving_up = GivingUp(experiment)
        self._by_hand = ByHand(
            experiment, preparation.space, interrupted=self._interrupted,
            record=lambda event, reason: self._record(event, reason=reason), finish=self._finish,
        )  # fmt: skip

    def open(self) -> None:
        """Begin the session; observers catch up first."""
        for observer in self._observers:
            observer.opened(self.experiment)
        self._record(opened_event())

    def close(self, state: str, reason: str = "") -> None:
        """End the session with a state: finished, failed or stopped."""
        if state == "finished":
            self._by_hand.close()
        self._record({"event": "closed", "state": state, "reason": reason})
        for observer in self._observers:
            observer.closed(self.experiment)

    def promoting(self, trial: int) -> None:
        """Record that the promotion of a trial begins, after the last training."""
        self._record({"event": "promoting", "trial": trial})
        for observer in self._observers:
            observer.promoting(self.experiment.history.trials[trial])

    def promoted(self, promotion: Mapping[str, Any]) -> None:
        """Record a promotion."""
        self._record({"event": "promoted", "promotion": dict(promotion)})

    def is_settled(self) -> bool:
        """Return whether nothing is left to run; paused trials then end for good."""
        self._by_hand.take()
        move = self.next_move()
        if self._interrupted or self._by_hand.has_trial_to_add or not isinstance(move, Done):
            return False
        self._end(move.reason)
        return self._next_repeat() is None

    def next(self) -> Task | Wait | Done:
        """Return an interrupted trial first, then the searcher's move, last the repeats.

        A trial that breaks a constraint before its launch is reported to the searcher as failed and
        never started. Raises `RunFailed` if the first trials all failed: they share a cause, on
        which more trials would only spend the budget.
        """
        while True:
            self._giving_up.check()
            self._by_hand.take()
            number = self._next_interrupted()
            if number is not None:
                return self._resume(Continue(number, self.experiment.history.trials[number].epochs))
            added = self._by_hand.next_start(self._searcher, refusal=self._lateness())
            move = added or self.next_move()
            if isinstance(move, Continue):
                self._searcher.start(move)
                return self._resume(move)
            if isinstance(move, Start):
                if self._launch(move):
                    self._shorten(move.trial)
                    return self._task(move.trial)
                continue
            if isinstance(move, Wait):
                return move
            self._end(move.reason)
            repeat = self._next_repeat()
            if repeat is not None:
                return self._confirm(repeat)
            return Wait() if self._running() else move

    def next_move(self) -> Start | Continue | Wait | Done:
        """Return the searcher's move; once the time is up, nothing starts."""
        lateness = self._lateness()
        if not lateness:
            return self._searcher.next()
        trials = self.experiment.history.trials
        running = self._running() - set(self._interrupted)
        return Wait() if any(trials[n].confirms is None for n in running) else Done(lateness)

    def _next_interrupted(self) -> int | None:
        """Return a trial that was cut off; once the time is up, only confirmations resume."""
        is_late = bool(self._lateness())
        for number in self._interrupted:
            if not is_late or self.experiment.history.trials[number].confirms is not None:
                self._interrupted.remove(number)
                return number
        return None

    def report(self, trial: int, epoch: int, metrics: dict[str, float]) -> Decision:
        """Journal an epoch and return the searcher's decision.

        A resumed trial repeats epochs that the journal may hold already; their answer is the old
        one.
        """
        self._by_hand.take()
        record = self.experiment.history.trials[trial]
        begins = self._order.begins(trial)
        for report in record.reports:
            if report.epoch == epoch:
                return report.decision
        self._order.check(record, epoch, begins=begins)
        self._patience.reported(trial)
        self._disk.check()
        metrics = {**metrics, **record.costs}
        verdict = self._verdict(trial, epoch, metrics)
        event = {
            "event": "report",
            "trial": trial,
            "epoch": epoch,
            "metrics": metrics,
            "decision": verdict.decision.value,
        }
        self._record(event, reason=verdict.reason)
        for observer in self._observers:
            observer.reported(record, record.reports[-1])
        if verdict.decision is Decision.CONTINUE and epoch < self.experiment.end_of(record):
            shortened = self._deadline.of_report(record, self._driven_s())
            if shortened is not None:
                self._record(shortened)
                return Decision.PAUSE
        return verdict.decision

    def _verdict(self, trial: int, epoch: int, metrics: Mapping[str, float]) -> Verdict:
        settings = self.experiment.settings
        value = value_of(settings.objectives, metrics)
        record = self.experiment.history.trials[trial]
        is_full = epoch >= self.experiment.end_of(record)
        is_repeat = record.confirms is not None
        if not is_repeat and self._foresight is not None:
            self._foresight.foresee()
        verdict = CONTINUE if is_repeat else self._searcher.report(trial, epoch, value)
        if record.is_stop_requested and not is_full:
            return Verdict(Decision.STOP, STOPPED)
        if is_repeat:
            return CONTINUE
        if is_full and record.shortened_to and verdict.decision is Decision.PAUSE:
            return CONTINUE
        if self._is_out_of_time() and not is_full and verdict.decision is not Decision.STOP:
            return Verdict(Decision.STOP, OUT_OF_TIME)
        # The searcher sees an invalid value only; which metric or constraint made it so, the
        # objective knows.
        defect = "" if verdict == CONTINUE else settings.objective.defect(metrics)
        return replace(verdict, reason=f"{defect}: {verdict.reason}") if defect else verdict

    def finish(self, trial: int, outcome: Outcome) -> None:
        """Journal how a trial ended.

        A trial whose process died or hung resumes from its last checkpoint, twice; at the third
        loss it counts as failed. One that crashed after it had reported is tried once more: its
        values can be trained. One that ran out of memory runs once more at half the batch size,
        with twice the batches a step.

        Raises `Stopped` for a fault of the machine, such as a full disk, on which nothing could
        train, and for data that went bad after an epoch had been trained on it: the trial resumes
        with the experiment.
        """
        record = self.experiment.history.trials[trial]
        is_pausing = trial in self._deadline.pausing
        self._deadline.pausing.discard(trial)
        if is_pausing and outcome.state is TrialState.PAUSED:
            self._interrupted.append(trial)
            return
        kind = None if outcome.failure is None else outcome.failure.kind
        if kind is FailureKind.MACHINE and outcome.failure is not None:
            raise Stopped(f"trial {trial:04d}: {outcome.failure.message}; the search stopped")
        if kind is FailureKind.BAD_DATA and self._has_trained() and outcome.failure is not None:
            raise Stopped(
                f"trial {trial:04d}: {outcome.failure.message}; the data was another before: put it"
                " back; the search stopped"
            )
        if kind in LOSSES and record.losses + 1 < LOSSES_BEFORE_FAILING:
            self._record({"event": "lost", "trial": trial, **outcome.to_dict()})
            self._interrupted.append(trial)
            return
        if kind is FailureKind.CRASHED and record.reports and not record.retries:
            event = {"event": "retried", "trial": trial, **outcome.to_dict()}
            self._record(event, reason=TRIED_AGAIN)
            self._interrupted.append(trial)
            return
        halved = self._preparation.halved(record) if kind is FailureKind.OUT_OF_MEMORY else None
        if halved is not None:
            event = {"event": "halved", "trial": trial, "adjusted": halved}
            self._record({**event, **outcome.to_dict()})
            self._interrupted.append(trial)
            return
        is_late = outcome.state is TrialState.STOPPED and not record.is_stopped
        self._finish(trial, outcome, OUT_OF_TIME if is_late else "")

    def _has_trained(self) -> bool:
        return any(trial.reports for trial in self.experiment.history.trials.values())

    def _finish(self, trial: int, outcome: Outcome, reason: str = "") -> None:
        event = {"event": "finish", "trial": trial, **outcome.to_dict()}
        self._record(event, reason=reason)
        record = self.experiment.history.trials[trial]
        if record.confirms is None:
            self._searcher.finish(trial, outcome)
        folder = self.experiment.paths.trial(trial)
        self._disk.finished(folder)
        for observer in self._observers:
            observer.finished(record, folder)

    def _end(self, reason: str) -> None:
        """Stop for good what the search paused or lost: nothing will resume it."""
        for trial in self.experiment.history.trials.values():
            if not trial.state.is_final and trial.confirms is None:
                self._finish(trial.number, Outcome(TrialState.STOPPED), reason)
                if trial.number in self._interrupted:
                    self._interrupted.remove(trial.number)

    def _next_repeat(self) -> Repeat | None:
        return next_repeat(self.experiment, self._preparation.info.seed_key)

    def _confirm(self, repeat: Repeat) -> Task:
        event = {
            "event": "start",
            "trial": repeat.trial,
            "values": repeat.of.values,
            "epochs": self.experiment.end_of(repeat.of),
            "confirms": repeat.of.number,
            "adjusted": repeat.adjusted,
            "costs": repeat.of.costs,
        }
        self._begin(event, f"the values of trial {repeat.of.number:04d} and a fresh seed")
        return self._task(repeat.trial)

    def _begin(self, event: dict[str, Any], reason: str) -> None:
        """Journal the start of a trial, in an empty folder.

        Files of a trial that the journal does not know are left over from a journal that was
        replaced by an older copy: their checkpoint may be another configuration's.
        """
        remove(self.experiment.paths.trial(event["trial"]))
        self._record(event, reason=reason)

    def _launch(self, move: Start) -> bool:
        """Journal a new trial; return whether it will be trained."""
        costs = self._preparation.costs(move.values)
        event = {
            "event": "start",
            "trial": move.trial,
            "values": move.values,
            "epochs": move.epochs,
        }
        if move.parent is not None:
            event["parent"] = move.parent
        if move.request is not None:
            event["request"] = move.request
        if costs:
            event["costs"] = costs
        self._begin(event, move.reason)
        if move.request is not None:
            forget(self.experiment.paths, move.request)
        self._searcher.start(move)
        broken = self._preparation.broken(costs)
        if broken:
            failure = Failure(FailureKind.INFEASIBLE, "; ".join(broken))
            self._finish(move.trial, Outcome(TrialState.FAILED, failure))
        return not broken

    def _running(self) -> set[int]:
        trials = self.experiment.history.trials.values()
        return {t.number for t in trials if t.state is TrialState.RUNNING}

    def _lateness(self) -> str:
        """Return why no training starts any more; empty while one may, and before the first one.

        No search ends without the model that its first training makes in an epoch.
        """
        if self.experiment.settings.budget.time_s is None:
            return ""
        has_model = self._has_model()
        if not has_model and (self._interrupted or not self.experiment.history.trials):
            return ""
        if self._is_out_of_time():
            return OUT_OF_TIME
        return TOO_LATE if has_model and self._deadline.is_too_late(self._driven_s()) else ""

    def _has_model(self) -> bool:
        trials = self.experiment.history.trials.values()
        return any(self.experiment.value_of(trial) is not None for trial in trials)

    def _is_out_of_time(self) -> bool:
        left = self._time_left()
        return left is not None and left <= 0

    def _time_left(self) -> float | None:
        limit = self.experiment.settings.budget.time_s
        return None if limit is None else limit - self._driven_s()

    def _driven_s(self) -> float:
        return self.experiment.history.driven_at(self._elapsed())

    def _elapsed(self) -> float:
        """Return the seconds of this session, which no change of the wall clock shortens."""
        return round(time.monotonic() - self._opened, 3)

    def _resume(self, move: Continue) -> Task:
        is_interrupted = self.experiment.history.trials[move.trial].state is TrialState.RUNNING
        event = {
            "event": "continue",
            "trial": move.trial,
            "epochs": move.epochs,
            "is_interrupted": is_interrupted,
        }
        self._record(event, reason=move.reason)
        if not is_interrupted:  # The checkpoint of one that was cut off may be ahead.
            self._shorten(move.trial)
        self._order.resumed(move.trial)
        return self._task(move.trial)

    def _shorten(self, number: int) -> None:
        """Give a trial that begins to train, and would be cut, a sooner last epoch."""
        trial = self.experiment.history.trials[number]
        event = self._deadline.of_start(trial, self._driven_s())
        if event is not None:
            self._record(event)

    def _task(self, number: int) -> Task:
        trial = self.experiment.history.trials[number]
        folder = self.experiment.paths.trial(number)
        self._disk.check(is_launch=True)
        if not folder.is_dir():  # A training may leave something else in its place.
            remove(folder)
        spec = self._preparation.prepare(trial)
        for observer in self._observers:
            observer.started(trial, folder)
        settings = self.experiment.settings
        metrics = self._preparation.reported_metrics
        self._patience.started(number)
        # The first model may take longer than the time; a repeat has none of its own.
        is_limited = trial.confirms is None and self._has_model()
        left = self._time_left() if is_limited else None
        return Task(
            number, settings.skill, spec, str(folder.resolve()), metrics,
            epochs=self.experiment.end_of(trial),
            silence_s=self._patience.silence_s,
            time_s=None if left is None else max(0.0, left) + self._patience.grace_s,
        )  # fmt: skip

    def _record(self, event: dict[str, Any], *, reason: str = "") -> None:
        """Append an event to the journal, with the reason if there is one, and apply it."""
        stamped = {
            **event,
            **({"reason": reason} if reason else {}),
            "time": round(time.time(), 3),
            "elapsed": self._elapsed(),
        }
        self._journal.append(stamped)
        if self._foresight is not None:
            self._foresight.apply(stamped)
        self._deadline.apply(stamped)
        self.experiment.history.apply(stamped)
