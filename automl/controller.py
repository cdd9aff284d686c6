"""Drives one experiment: asks the searcher, feeds the runner, writes the journal, tells trackers.

Only the driver's process writes. Every change goes to the journal first and is applied from
there, live and on a resume alike.
"""

import time
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any

from automl.errors import RunFailed
from automl.experiment import Experiment
from automl.ledger import event_from_outcome, outcome_from_event
from automl.runners.base import Task
from automl.search.base import Continue, Done, Searcher, Start, Wait
from automl.spec import with_values
from automl.store import Journal, write_yaml
from automl.tracking.base import Tracker
from automl.trial import Decision, FailureKind, Outcome, TrialState

FAILURES_BEFORE_GIVING_UP = 3
LOSSES_BEFORE_FAILING = 3


class Controller:
    """The `Driver` of the runners, for one session of one experiment."""

    def __init__(
        self, experiment: Experiment, searcher: Searcher, trackers: Sequence[Tracker]
    ) -> None:
        self.experiment = experiment
        self._searcher = searcher
        self._trackers = trackers
        self._journal = Journal(experiment.paths.journal)
        self._interrupted = self._replay()
        trials = experiment.ledger.trials.values()
        self._ended_before = {t.number for t in trials if t.state.is_final}

    def open(self) -> None:
        """Begin the session; trackers catch up first."""
        for tracker in self._trackers:
            tracker.opened(self.experiment)
        self._record({"event": "opened"})

    def close(self, state: str, reason: str = "") -> None:
        """End the session with a state: finished, failed or stopped."""
        self._record({"event": "closed", "state": state, "reason": reason})
        for tracker in self._trackers:
            tracker.closed(self.experiment)

    def promoted(self, promotion: Mapping[str, Any]) -> None:
        """Take in a promotion."""
        self._record({"event": "promoted", "promotion": dict(promotion)})

    def next(self) -> Task | Wait | Done:
        """Return an interrupted trial first, then what the searcher says.

        Raises `RunFailed` when the first trials all failed: their cause is shared, and going
        on would spend the budget on it.
        """
        self._give_up_if_all_fail()
        if self._interrupted:
            number = self._interrupted.popleft()
            return self._go_on(Continue(number, self.experiment.ledger.trials[number].epochs))
        move = self._searcher.next()
        if isinstance(move, Start):
            self._record(
                {
                    "event": "start",
                    "trial": move.trial,
                    "values": move.values,
                    "epochs": move.epochs,
                }
            )
            self._searcher.start(move)
            return self._task(move.trial)
        if isinstance(move, Continue):
            self._searcher.start(move)
            return self._go_on(move)
        return move

    def report(self, trial: int, epoch: int, metrics: dict[str, float]) -> Decision:
        """Journal an epoch and return the searcher's decision.

        A resumed trial tells again what the journal may already hold; the answer is the old one.
        """
        record = self.experiment.ledger.trials[trial]
        for known in record.reports:
            if known.epoch == epoch:
                return known.decision
        value = self.experiment.settings.objective.value(metrics)
        decision = self._searcher.report(trial, epoch, value)
        self._record(
            {
                "event": "report",
                "trial": trial,
                "epoch": epoch,
                "metrics": metrics,
                "decision": decision.value,
            }
        )
        for tracker in self._trackers:
            tracker.reported(record, record.reports[-1])
        return decision

    def finish(self, trial: int, outcome: Outcome) -> None:
        """Journal how a trial ended; one whose worker died goes on from its last checkpoint.

        It does so twice. A third death is the trial's own doing, and it counts as failed.
        """
        if self._is_worth_another_worker(trial, outcome):
            self._record({"event": "lost", "trial": trial, **event_from_outcome(outcome)})
            self._interrupted.append(trial)
            return
        self._record({"event": "finish", "trial": trial, **event_from_outcome(outcome)})
        self._searcher.finish(trial, outcome)
        record = self.experiment.ledger.trials[trial]
        for tracker in self._trackers:
            tracker.finished(record, self.experiment.paths.trial(trial))

    def _is_worth_another_worker(self, trial: int, outcome: Outcome) -> bool:
        failure = outcome.failure
        is_lost = failure is not None and failure.kind is FailureKind.LOST
        losses = self.experiment.ledger.trials[trial].losses + 1
        return is_lost and losses < LOSSES_BEFORE_FAILING

    def _replay(self) -> deque[int]:
        """Feed the journal to the searcher; return the trials that were cut off."""
        objective = self.experiment.settings.objective
        for event in self._journal.read():
            kind, trial = event["event"], int(event.get("trial", -1))
            if kind == "start":
                self._searcher.start(Start(trial, event["values"], event["epochs"]))
            elif kind == "continue" and not event["is_interrupted"]:
                self._searcher.start(Continue(trial, event["epochs"]))
            elif kind == "report":
                value = event["metrics"][objective.metric]
                self._searcher.report(
                    trial, event["epoch"], float("nan") if value is None else value
                )
            elif kind == "finish":
                self._searcher.finish(trial, outcome_from_event(event))
        return deque(
            number
            for number, trial in sorted(self.experiment.ledger.trials.items())
            if trial.state is TrialState.RUNNING
        )

    def _go_on(self, move: Continue) -> Task:
        is_interrupted = self.experiment.ledger.trials[move.trial].state is TrialState.RUNNING
        self._record(
            {
                "event": "continue",
                "trial": move.trial,
                "epochs": move.epochs,
                "is_interrupted": is_interrupted,
            }
        )
        return self._task(move.trial)

    def _task(self, number: int) -> Task:
        trial = self.experiment.ledger.trials[number]
        spec = with_values(self.experiment.settings.spec, trial.values)
        folder = self.experiment.paths.trial(number)
        write_yaml(folder / "spec.yaml", spec)
        for tracker in self._trackers:
            tracker.started(trial, folder)
        return Task(number, self.experiment.settings.skill, spec, str(folder.resolve()))

    def _record(self, event: dict[str, Any]) -> None:
        stamped = {**event, "time": round(time.time(), 3)}
        self._journal.append(stamped)
        self.experiment.ledger.apply(stamped)

    def _give_up_if_all_fail(self) -> None:
        # A resume gets its own tries: the cause may have been mended.
        trials = self.experiment.ledger.trials.values()
        ended = [t for t in trials if t.state.is_final and t.number not in self._ended_before]
        failed = [t for t in ended if t.failure is not None]
        are_all = len(failed) == len(ended) and self.experiment.best is None
        if are_all and len(failed) >= FAILURES_BEFORE_GIVING_UP:
            raise RunFailed(*failure_summary(self.experiment))


def failure_summary(experiment: Experiment) -> list[str]:
    """Return lines that say why no trial has a value, one for each cause."""
    causes: dict[tuple[str, str], list[int]] = {}
    for trial in experiment.ledger.trials.values():
        if trial.failure is not None:
            cause = (trial.failure.kind.value, trial.failure.message)
            causes.setdefault(cause, []).append(trial.number)
    lines = [f"{sum(map(len, causes.values()))} trials failed and none has a result"]
    for (kind, message), numbers in causes.items():
        named = ", ".join(f"{n:04d}" for n in numbers[:5])
        log = experiment.paths.trial(numbers[0]) / "log.txt"
        lines.append(f"{kind}: {message} (trials {named}; log: {log})")
    return lines
