"""The mirror before stores that fail, hang and recover, in the place of MLflow."""

import contextlib
import math
import threading
import time

import pytest

import automl
from automl.experiment.observer import ExperimentObserver
from automl.tracking.breaker import FIRST_PAUSE_S, Breaker
from automl.tracking.mirror import QUEUE_SIZE, Mirror, Store
from automl.tracking.registry import RegisteredModel, Registry

LOCAL = {"skill": "toy", "runner": "local", "tracker": "none"}


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


class FlakyStore(ExperimentObserver, Registry):
    """Takes note of what it is called for; fails or hangs when it is asked to."""

    def __init__(self):
        self.seen = []
        self.failing = threading.Event()
        self.answering = threading.Event()
        self.answering.set()

    def opened(self, experiment):
        self._take("opened", len(experiment.history.trials))

    def started(self, trial, folder):
        self._take("started", trial.number)

    def reported(self, trial, report):
        self._take("reported", trial.number, report.epoch)

    def closed(self, experiment):
        self._take("closed")

    def register(self, experiment, model, *, bar="", counts=None):
        self._take("register")
        return RegisteredModel("toy", "1", "champion", "the first")

    def _take(self, *what):
        self.answering.wait(timeout=30)
        if self.failing.is_set():
            raise OSError("http://me:secret@host is down")
        self.seen.append(what)


@pytest.fixture(scope="module")
def experiment(tmp_path_factory):
    folder = tmp_path_factory.mktemp("mirror")
    (folder / "data").mkdir()
    return automl.run(**LOCAL, data=folder / "data", out=folder / "exp", trials=2, epochs=2)


@pytest.fixture
def store():
    return FlakyStore()


@pytest.fixture
def make(store):
    def mirror(clock=time.monotonic, patience_s=0.2, end_s=math.inf):
        last_call, place = time.monotonic(), contextlib.nullcontext
        return Mirror(
            Store("The store", store, store, lambda: last_call, patience_s, place, end_s),
            Breaker(clock),
        )

    return mirror


def report_all(mirror, experiment):
    for trial in experiment.history.trials.values():
        mirror.started(trial, experiment.paths.trial(trial.number))
        for report in trial.reports:
            mirror.reported(trial, report)


def test_events_reach_the_store_in_their_order_after_it_caught_up(make, store, experiment):
    mirror = make(patience_s=30)
    mirror.opened(experiment)
    report_all(mirror, experiment)
    mirror.closed(experiment)
    events = [("started", 0), ("reported", 0, 1), ("reported", 0, 2),
              ("started", 1), ("reported", 1, 1), ("reported", 1, 2)]  # fmt: skip
    assert store.seen == [("opened", 2), *events, ("closed",)]


def test_a_store_that_hangs_holds_neither_the_search_nor_its_end(make, store, experiment, capsys):
    mirror, begun = make(), time.monotonic()
    store.answering.clear()
    mirror.opened(experiment)
    report_all(mirror, experiment)
    assert time.monotonic() - begun < 0.1
    mirror.closed(experiment)
    assert time.monotonic() - begun < 5
    assert "The store is behind (no answer within 0 s)" in capsys.readouterr().err
    store.answering.set()


def test_a_slow_store_holds_the_end_of_a_search_for_a_while_only(make, store, experiment, capsys):
    mirror = make(patience_s=30, end_s=0.2)
    store.answering.clear()
    mirror.opened(experiment)
    report_all(mirror, experiment)
    begun = time.monotonic()
    assert mirror.register(experiment, experiment.paths.root / "model.onnx") is None
    mirror.closed(experiment)
    assert 0.2 <= time.monotonic() - begun < 5
    assert "The store is behind (it is slow: not done within 0 s" in capsys.readouterr().err
    store.answering.set()


def test_a_session_that_trains_nothing_waits_until_the_store_has_all(make, store, experiment):
    mirror = make(patience_s=30, end_s=0.0)
    store.answering.clear()
    mirror.opened(experiment)
    threading.Timer(0.3, store.answering.set).start()
    mirror.closed(experiment)
    assert store.seen == [("opened", 2), ("closed",)]


def test_a_fault_is_reported_once_and_without_its_password(make, store, experiment, capsys):
    mirror = make()
    store.failing.set()
    mirror.opened(experiment)
    report_all(mirror, experiment)
    assert mirror.register(experiment, experiment.paths.root / "model.onnx") is None
    mirror.closed(experiment)
    text = capsys.readouterr().err
    assert text.count("warning: The store is behind") == 1
    assert "secret" not in text and f"automl resume {experiment.paths.root}" in text


def test_a_store_that_recovers_catches_up_at_the_end(make, store, experiment, capsys):
    clock = Clock()
    mirror = make(clock, patience_s=30)
    store.failing.set()
    mirror.opened(experiment)
    report_all(mirror, experiment)
    while "is behind" not in capsys.readouterr().err:
        time.sleep(0.01)
    store.failing.clear()
    clock.now = FIRST_PAUSE_S
    mirror.closed(experiment)
    assert store.seen == [("opened", 2), ("closed",)]


def test_calls_beyond_the_queue_are_dropped_and_caught_up_with(make, store, experiment):
    mirror = make(patience_s=30)
    store.answering.clear()
    mirror.opened(experiment)
    trial = experiment.history.trials[0]
    for _ in range(2 * QUEUE_SIZE):
        mirror.reported(trial, trial.reports[0])
    store.answering.set()
    mirror.closed(experiment)
    assert store.seen.count(("opened", 2)) == 2
    assert store.seen[-1] == ("closed",)
    assert len(store.seen) < 2 * QUEUE_SIZE


def test_registering_waits_for_the_entry(make, store, experiment):
    mirror = make(patience_s=30)
    mirror.opened(experiment)
    entry = mirror.register(experiment, experiment.paths.root / "model.onnx")
    assert entry == RegisteredModel("toy", "1", "champion", "the first")
    mirror.closed(experiment)
