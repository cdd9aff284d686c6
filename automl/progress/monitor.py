"""Turns the events of a journal into messages for people, and into a view of the experiment.

The live view of a run, its plain lines and JSON lines, and `automl status` in another terminal are
all made here, from the same events.
"""

import heapq
import math
import statistics
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from automl.experiment.environment import FILE as ENVIRONMENT_FILE
from automl.experiment.experiment import Experiment
from automl.experiment.history import History
from automl.experiment.pace import Pace
from automl.experiment.paths import ExperimentPaths
from automl.experiment.settings import Settings
from automl.formats import counted, score, short_names
from automl.progress.steps import FILE as STEPS_FILE
from automl.progress.steps import TRAINING, Steps, read_steps
from automl.progress.view import BestSoFar, Message, RankedTrial, RunningTrial, View, What
from automl.redact import printable
from automl.trial.trial import Decision, FailureKind, Trial, TrialState

RECENT = 60
"""Messages that a view holds; a screen shows as many as it has lines for."""
RANKED = 30
"""Trials of a view's leaderboard."""
_ENOUGH_STEPS = 3
"""Steps that say how long an epoch takes: the first is slower."""
_UNSEEN = (What.REPORTED, What.ENDED)


class Monitor:
    """Follows an experiment event by event."""

    def __init__(self, root: Path, settings: Settings) -> None:
        self.experiment = Experiment(ExperimentPaths(root), settings, History())
        self._objective = settings.objective
        self._pace = Pace(settings)
        self._losses: dict[int, tuple[float, int]] = {}
        """Best loss of each trial of the search and its epoch; a failed trial has none."""
        self._best = math.inf
        self._best_curve: list[float] = []
        self._recent: deque[Message] = deque(maxlen=RECENT)
        self._failure: Message | None = None
        self._phase = "starting"

    def apply(self, event: Mapping[str, Any]) -> list[Message]:
        """Take in one event and return its messages."""
        self._pace.apply(event, self.experiment.history)
        self.experiment.history.apply(event)
        handler: Callable[[Mapping[str, Any]], Iterable[tuple[What, str]]] | None
        handler = getattr(self, f"_on_{event['event']}", None)
        epoch, metrics = event.get("epoch"), event.get("metrics")
        first, values = self.experiment.history.trials.get(0), event.get("values")
        detail = _changes(values, first.values) if first is not None and values else ""
        messages = [
            Message(
                event["time"],
                what,
                event.get("trial"),
                printable(text),
                epoch,
                metrics,
                printable(detail),
            )
            for what, text in (() if handler is None else handler(event))
        ]
        self._recent.extend(one for one in messages if one.what not in _UNSEEN)
        for message in messages:
            if message.what is What.FAILED:
                self._failure = message
        return messages

    def view(self, state: str, now: float) -> View:
        """Return the experiment at a time; `state` is that of `Experiment.state`."""
        experiment, history = self.experiment, self.experiment.history
        promotion = experiment.promotion
        trials = [history.trials[number] for number in sorted(history.trials)]
        is_live = state == "running"
        phase = self._phase if is_live else state
        running = tuple(
            self._running(t, now)
            for t in trials
            if is_live and experiment.shown_state(t, state) == TrialState.RUNNING
        )
        return View(
            experiment=str(experiment.paths.root),
            state=state,
            phase=phase,
            algorithm=experiment.settings.algorithm,
            metric=self._objective.metric,
            mode=self._objective.mode,
            time=now,
            seconds=history.driven(now) if is_live else history.driven_s,
            epochs=self._pace.searched,
            limits=self._pace.limits(history, history.driven(now) if is_live else history.driven_s),
            left=self._pace.left(history, now, epoch_s=_epoch_s(running))
            if is_live and phase != "promoting"
            else None,
            best=self._best_so_far(),
            best_curve=tuple(self._best_curve),
            running=running,
            states=Counter(experiment.shown_state(t, state) for t in trials),
            failures=Counter(t.failure.kind.value for t in trials if t.failure is not None),
            recent=tuple(self._recent),
            measured=len(self._losses),
            ranking=tuple(self._ranking(state)),
            failure=self._failure,
            model=None if promotion is None else promotion["onnx"],
            promoting=self._promoting() if phase == "promoting" else None,
        )

    def _best_so_far(self) -> BestSoFar | None:
        experiment = self.experiment
        if any(trial.confirms is not None for trial in experiment.history.trials.values()):
            best = experiment.best
            if best is None:
                return None
            number, epoch = best.number, experiment.epoch_of(best) or 0
            value = experiment.value_of(best) or 0.0
        elif self._losses:
            number = min(self._losses, key=lambda n: (self._losses[n][0], n))
            loss, epoch = self._losses[number]
            value = self._objective.loss(loss)
        else:
            return None
        default = None if 0 not in self._losses else self._objective.loss(self._losses[0][0])
        gain = None
        if default is not None and number:
            gain = self._objective.loss(default) - self._objective.loss(value)
        return BestSoFar(number, value, epoch, default, gain)

    def _ranking(self, state: str) -> Iterator[RankedTrial]:
        trials = self.experiment.history.trials
        defaults = trials[0].values if 0 in trials else {}
        best = heapq.nsmallest(RANKED, self._losses, key=lambda n: (self._losses[n][0], n))
        for number in best:
            loss, epoch = self._losses[number]
            trial = trials[number]
            yield RankedTrial(
                number, self._objective.loss(loss), epoch, trial.epoch, trial.epochs,
                self.experiment.shown_state(trial, state),
                printable(_changes(trial.values, defaults)) if number else "the defaults",
            )  # fmt: skip

    def _running(self, trial: Trial, now: float) -> RunningTrial:
        curve = tuple(self._objective.value(r.metrics) for r in trial.reports)
        latest = curve[-1] if curve and math.isfinite(curve[-1]) else None
        since = self.experiment.history.resumed_at(trial.number)
        last = max(since, trial.reports[-1].time if trial.reports else 0.0)
        seconds = trial.seconds + max(0.0, now - last)
        note = "half the batch size" if trial.halvings else trial.reason
        steps = self._steps(trial, since, is_first=last == since)
        return RunningTrial(
            trial.number, trial.epoch, trial.epochs, latest, curve, seconds, note, steps
        )

    def _steps(self, trial: Trial, since: float, *, is_first: bool) -> Steps | None:
        """Return where a trial is within its epoch, or before the first one since it began."""
        folder = self.experiment.paths.trial(trial.number)
        # Not those of an earlier session, which a killed training leaves.
        steps = read_steps(folder) if _is_written(folder / STEPS_FILE, since) else None
        if steps is not None and steps.epoch is not None:
            return steps if steps.epoch > trial.epoch else None
        if not is_first:
            return None
        if steps is not None or _is_written(folder / ENVIRONMENT_FILE, since):
            return steps
        return Steps("starting")

    def _promoting(self) -> Steps | None:
        """Return where the model is that a promotion measures, named by its folder."""
        folder = self.experiment.paths.root / ".promoting"
        for path in folder.glob(f"**/{STEPS_FILE}"):
            steps = read_steps(path.parent)
            if steps is not None and path.parent == folder:
                return steps
            if steps is not None:
                return replace(steps, stage=f"{steps.stage} {path.parent.name}")
        return None

    def _on_opened(self, event: Mapping[str, Any]) -> Iterator[tuple[What, str]]:
        trials = self.experiment.history.trials.values()
        self._phase = "starting"
        if trials:
            done = counted(sum(trial.state.is_final for trial in trials), "trial")
            yield What.OPENED, f"resuming {self.experiment.paths.root}: {done} done"

    def _on_start(self, event: Mapping[str, Any]) -> Iterator[tuple[What, str]]:
        trial = self._trial(event)
        self._phase = "searching" if trial.confirms is None else "confirming"
        yield What.STARTED, f"starts{_because(event)}"

    def _on_continue(self, event: Mapping[str, Any]) -> Iterator[tuple[What, str]]:
        trial = self._trial(event)
        self._phase = "searching" if trial.confirms is None else "confirming"
        if event["is_interrupted"]:
            yield (
                What.RESUMED,
                f"resumes after epoch {trial.epoch}" if trial.epoch else "starts again",
            )
        else:
            yield What.CONTINUED, f"resumes, to epoch {trial.epochs}{_because(event)}"

    def _on_report(self, event: Mapping[str, Any]) -> Iterator[tuple[What, str]]:
        trial = self._trial(event)
        report = trial.reports[-1]
        value = self._objective.value(report.metrics)
        loss = self._objective.loss(value)
        mark = ""
        if trial.confirms is None and math.isfinite(loss):
            if loss < self._losses.get(trial.number, (math.inf, 0))[0]:
                self._losses[trial.number] = loss, report.epoch
            if loss < self._best:
                self._best, mark = loss, "  best so far"
        if math.isfinite(self._best):
            self._best_curve.append(self._objective.loss(self._best))
        value_text = f"{self._objective.metric} {score(self._objective.measured(report.metrics))}"
        yield What.REPORTED, f"epoch {report.epoch}/{trial.epochs} {value_text}{mark}"
        if report.decision is Decision.PAUSE:
            yield What.PAUSED, f"paused{_because(event)}"
        elif report.decision is Decision.STOP:
            yield What.STOPPED, f"stopped{_because(event)}"

    def _on_stop_requested(self, event: Mapping[str, Any]) -> Iterator[tuple[What, str]]:
        if self._trial(event).state is TrialState.RUNNING:
            yield What.STOP_REQUESTED, "asked to stop by hand: ends after its epoch"

    def _on_refused(self, event: Mapping[str, Any]) -> Iterator[tuple[What, str]]:
        asked = event.get("asked") or {}
        what = f"{asked.get('action') or 'do something'} a trial"
        yield What.REFUSED, f"a request by hand to {what} was refused{_because(event)}"

    def _on_lost(self, event: Mapping[str, Any]) -> Iterator[tuple[What, str]]:
        failure = event["failure"]
        how = "hung" if failure["kind"] == FailureKind.HUNG else "lost its worker"
        yield What.LOST, f"{how} ({failure['message']})"

    def _on_retried(self, event: Mapping[str, Any]) -> Iterator[tuple[What, str]]:
        yield What.RETRIED, f"crashed ({event['failure']['message']}); trying once more"

    def _on_halved(self, event: Mapping[str, Any]) -> Iterator[tuple[What, str]]:
        changed = ", ".join(f"{key}={value}" for key, value in event["adjusted"].items())
        yield What.HALVED, f"ran out of memory; retrying with half the batch size ({changed})"

    def _on_shortened(self, event: Mapping[str, Any]) -> Iterator[tuple[What, str]]:
        epochs = counted(event["epochs"], "epoch")
        yield What.SHORTENED, f"is shortened to {epochs}{_because(event)}"

    def _on_finish(self, event: Mapping[str, Any]) -> Iterator[tuple[What, str]]:
        trial = self._trial(event)
        failure = trial.failure
        if failure is not None and trial.number in self._losses:
            del self._losses[trial.number]
            self._best = min((loss for loss, _ in self._losses.values()), default=math.inf)
        if failure is not None and failure.kind is FailureKind.INFEASIBLE:
            yield What.INFEASIBLE, f"infeasible, not trained: {failure.message}"
        elif failure is not None:
            log = self.experiment.paths.trial(trial.number) / "log.txt"
            yield What.FAILED, f"failed ({failure.kind}): {failure.message} (log: {log})"
        elif trial.state is TrialState.COMPLETED:
            yield What.COMPLETED, f"completed in {trial.seconds:.0f} s"
        elif trial.state is TrialState.STOPPED and not _was_stopped(trial):
            yield What.ENDED, f"ends{_because(event)}"

    def _on_promoting(self, event: Mapping[str, Any]) -> Iterator[tuple[What, str]]:
        self._phase = "promoting"
        yield What.PROMOTING, "promoting: exporting and measuring the model"

    def _on_promoted(self, event: Mapping[str, Any]) -> Iterator[tuple[What, str]]:
        yield What.PROMOTED, f"promoted {self.experiment.paths.root / event['promotion']['onnx']}"

    def _on_closed(self, event: Mapping[str, Any]) -> Iterator[tuple[What, str]]:
        reason = event.get("reason", "")
        yield What.CLOSED, event["state"] + (f": {reason}" if reason else "")

    def _trial(self, event: Mapping[str, Any]) -> Trial:
        return self.experiment.history.trials[event["trial"]]


def _epoch_s(running: Iterable[RunningTrial]) -> float | None:
    """Return the seconds of an epoch by the steps of the trials that run; None if too few."""
    seconds = [
        steps.seconds_per_step * steps.steps
        for steps in (trial.steps for trial in running)
        if steps is not None
        and steps.stage == TRAINING
        and steps.steps is not None
        and steps.seconds_per_step is not None
        and (steps.step or 0) >= _ENOUGH_STEPS
    ]
    return statistics.median(seconds) if seconds else None


def _because(event: Mapping[str, Any]) -> str:
    """Return the reason that the journal gives for an event, if it gives one."""
    reason = event.get("reason")
    return f": {reason}" if reason else ""


def _changes(values: Mapping[str, Any], defaults: Mapping[str, Any]) -> str:
    """Return numbers that differ from the defaults, largest change first: `lr=0.0037, p=0.5`."""
    changes = {
        key: abs(math.log(value / default)) if value * default > 0 else 0.0
        for key, value in values.items()
        if _is_number(value) and _is_number(default := defaults.get(key)) and value != default
    }
    ordered = sorted(changes, key=lambda key: -changes[key])
    names = short_names(values)
    return ", ".join(f"{names[key]}={values[key]:.3g}" for key in ordered)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_written(path: Path, since: float) -> bool:
    """Whether a file was written since a time; the clock of files is a little behind."""
    try:
        return path.stat().st_mtime >= since - 0.1
    except OSError:
        return False


def _was_stopped(trial: Trial) -> bool:
    return bool(trial.reports) and trial.reports[-1].decision is Decision.STOP
