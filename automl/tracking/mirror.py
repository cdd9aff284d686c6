"""Keeps a slow or dead store away from the search: its calls wait in a queue for a thread.

A fault of the store is reported once. It opens a circuit breaker, and calls are dropped until its
pause is over; then the store catches up from the journal, which has everything.
"""

import math
import queue
import sys
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from pathlib import Path

from automl.experiment.experiment import Experiment
from automl.experiment.observer import ExperimentObserver
from automl.machine.disk import folder_size
from automl.redact import printable, redacted
from automl.tracking.breaker import Breaker
from automl.tracking.registry import RegisteredModel, Registry
from automl.trial.trial import Report, Trial

QUEUE_SIZE = 1000
"""Calls that may wait; one more is dropped, and the store catches up from the journal."""
_BYTES_PER_S = 1e6
"""The end of a session waits a second more for each of these parts of the promoted model."""
_POLL_S = 0.05


@dataclass(frozen=True)
class Store:
    """A store that may be slow, or raise anything."""

    name: str
    """For messages; without a password."""
    observer: ExperimentObserver
    """Its `opened` catches up with an experiment, however often it is called."""
    registry: Registry
    last_call: Callable[[], float]
    """When the store was last called, by the monotonic clock."""
    patience_s: float
    """How long one call may take before the end of a session no longer waits for it."""
    environment: Callable[[], AbstractContextManager[None]]
    """Entered around the calls."""
    end_s: float = math.inf
    """How long a session that trained waits for the store in all, though each call is answered."""


@dataclass
class _Call:
    run: Callable[[], RegisteredModel | None]
    is_awaited: bool = False
    """Whether the driver waits for it; it is then made in a longer pause of the breaker, too."""
    result: RegisteredModel | None = None
    is_done: threading.Event = field(default_factory=threading.Event)


class Mirror(ExperimentObserver, Registry):
    """Passes a session's events on to a store from a thread; no fault of the store is raised."""

    def __init__(self, store: Store, breaker: Breaker | None = None) -> None:
        self._store = store
        self._breaker = breaker or Breaker()
        self._calls: queue.Queue[_Call | None] = queue.Queue(QUEUE_SIZE)
        self._root = Path()
        self._is_behind = True
        self._has_warned = False
        self._has_trained = False
        self._waited_s = 0.0

    def opened(self, experiment: Experiment) -> None:
        """Start the thread, which catches up first."""
        self._root = experiment.paths.root
        threading.Thread(target=self._work, name="mirror", daemon=True).start()
        self._put(_Call(lambda: None))

    def started(self, trial: Trial, folder: Path) -> None:
        """Pass on a trial as it is now."""
        now = _copy(trial)
        self._put(_Call(lambda: self._store.observer.started(now, folder)))

    def reported(self, trial: Trial, report: Report) -> None:
        """Pass on an epoch."""
        self._has_trained = True
        now = _copy(trial)
        self._put(_Call(lambda: self._store.observer.reported(now, report)))

    def finished(self, trial: Trial, folder: Path) -> None:
        """Pass on a trial as it ended."""
        now = _copy(trial)
        self._put(_Call(lambda: self._store.observer.finished(now, folder)))

    def promoting(self, trial: Trial) -> None:
        """Pass on the trial whose promotion begins."""
        now = _copy(trial)
        self._put(_Call(lambda: self._store.observer.promoting(now)))

    def register(
        self, experiment: Experiment, model: Path, *, bar: str = "", counts: Path | None = None
    ) -> RegisteredModel | None:
        """Register a model and wait for its entry; None if the store does not take it."""
        registry = self._store.registry
        return self._wait_for(
            lambda: registry.register(experiment, model, bar=bar, counts=counts), experiment
        )

    def closed(self, experiment: Experiment) -> None:
        """Wait until the store has caught up; give up if it fails, stops answering or is slow."""
        self._wait_for(lambda: self._store.observer.closed(experiment), experiment)
        self._put(None)

    def _put(self, call: _Call | None) -> None:
        try:
            self._calls.put_nowait(call)
        except queue.Full:
            self._is_behind = True
            if call is None or call.is_awaited:
                self._drop_oldest()
                self._calls.put_nowait(call)

    def _drop_oldest(self) -> None:
        try:
            self._calls.get_nowait()
        except queue.Empty:
            return

    def _wait_for(
        self, run: Callable[[], RegisteredModel | None], experiment: Experiment
    ) -> RegisteredModel | None:
        begun, limit_s = time.monotonic(), self._limit_s(experiment)
        call = _Call(run, is_awaited=True)
        self._put(call)
        while not call.is_done.wait(_POLL_S):
            now = time.monotonic()
            if now - max(begun, self._store.last_call()) > self._store.patience_s:
                self._warn(f"no answer within {self._store.patience_s:.0f} s")
                break
            if now - begun + self._waited_s > limit_s:
                self._warn(f"it is slow: not done within {limit_s:.0f} s of the end")
                break
        self._waited_s += time.monotonic() - begun
        return call.result

    def _limit_s(self, experiment: Experiment) -> float:
        """Return how long the end of the session may take; one that only catches up takes its time.

        The time to send the promoted model comes on top.
        """
        if not self._has_trained:
            return math.inf
        return self._store.end_s + folder_size(experiment.paths.promoted) / _BYTES_PER_S

    def _work(self) -> None:
        while (call := self._calls.get()) is not None:
            if self._may_make(call):
                self._make(call)
            call.is_done.set()

    def _may_make(self, call: _Call) -> bool:
        # With a dead store each attempt costs a timeout, so one at the end has to do.
        breaker = self._breaker
        return not breaker.is_open or (call.is_awaited and not breaker.has_just_failed)

    def _make(self, call: _Call) -> None:
        try:
            with self._store.environment():
                self._catch_up()
                call.result = call.run()
        except Exception as error:  # Whatever the store or the network does.
            self._is_behind = True
            self._breaker.record_failure()
            self._warn(str(error))
        else:
            self._breaker.record_success()

    def _catch_up(self) -> None:
        if self._is_behind:
            # Cleared first: a call that is dropped from now on is not in what is read here.
            self._is_behind = False
            self._store.observer.opened(Experiment.load(self._root))

    def _warn(self, cause: str) -> None:
        """Say on stderr that the store is behind; only the first time."""
        if not self._has_warned:
            self._has_warned = True
            text = printable(" ".join(redacted(cause).split())[:300])
            print(
                f"warning: {self._store.name} is behind ({text}); the journal has everything, and "
                f"automl resume {self._root} brings it up to date",
                file=sys.stderr,
            )


def _copy(trial: Trial) -> Trial:
    """Return a trial that the driver no longer changes."""
    return replace(trial, reports=list(trial.reports), adjusted=dict(trial.adjusted))
