"""What every store of curves keeps of a search: one suite over all of them."""

import math
import struct
from collections import defaultdict
from dataclasses import replace

import pytest
from made import closed, finish, made_experiment, report, start
from spaces import build, real
from tensorboardX.proto.event_pb2 import Event

from automl.tracking.curves import SEARCH, CurvesObserver
from automl.tracking.names import ParameterNames
from automl.tracking.tensorboard import EventFiles

FIRST = (start(0, {"a.lr": 0.5}), report(0, 1, 0.25), report(0, 2, 0.5), finish(0),
         start(1, {"a.lr": 0.25}), report(1, 1, 0.375), closed("stopped"))  # fmt: skip
NAMES = ParameterNames(build({"a.lr": real(0.5, 0.0, 1.0)}))
MORE = (report(1, 2, 0.75), finish(1, "failed", "crashed"), closed())


class InMemory:
    """A store in this process."""

    def __init__(self):
        self.points, self.facts, self.params = defaultdict(list), {}, {}

    def log(self, run, params, metrics, step, at):
        self.params[run] = params
        self.points[run] += [(name, step, value) for name, value in metrics.items()]

    def end(self, run, params, facts, *, is_failed):
        self.facts[run], self.params[run] = {**facts, "is_failed": is_failed}, params

    def close(self):
        pass


def events(folder):
    """Yield the events of all files of a folder, as TensorBoard frames them."""
    for path in sorted(folder.glob("events.*")):
        content = path.read_bytes()
        place = 0
        while place < len(content):
            (length,) = struct.unpack_from("<Q", content, place)
            yield Event.FromString(content[place + 12 : place + 12 + length])
            place += length + 16


class Read(EventFiles):
    """TensorBoard's files, read back."""

    def __init__(self, folder):
        super().__init__(folder)
        self.folder = folder

    @property
    def points(self):
        points = defaultdict(list)
        for run in self.folder.glob("*/"):
            for event in events(run):
                for value in event.summary.value:
                    if value.HasField("simple_value") and event.step:
                        points[run.name].append((value.tag, event.step, value.simple_value))
        return points

    @property
    def params(self):
        return {
            run.name: dict.fromkeys(
                name
                for event in events(run) for value in event.summary.value
                if value.metadata.plugin_data.plugin_name == "hparams"
                for name in (b"lr", b"state") if name in value.metadata.plugin_data.content
            )
            for run in self.folder.glob("*/")
        }  # fmt: skip


@pytest.fixture(params=["memory", "tensorboard"])
def store(request, tmp_path):
    return InMemory() if request.param == "memory" else Read(tmp_path / "tensorboard")


def follow(store, experiment, tmp_path):
    observer = CurvesObserver(store, tmp_path / "written.json", NAMES)
    observer.opened(experiment)
    observer.closed(experiment)


def test_each_trial_is_a_run_and_the_best_so_far_one_by_epochs(store, tmp_path):
    follow(store, made_experiment(tmp_path / "exp", *FIRST), tmp_path)
    assert [p for p in store.points["trial-0000"] if p[0] == "score"] == [
        ("score", 1, 0.25), ("score", 2, 0.5),
    ]  # fmt: skip
    assert store.points[SEARCH] == [("best_score", 1, 0.25), ("best_score", 2, 0.5)]


def test_a_later_session_adds_what_is_missing_and_nothing_twice(store, tmp_path):
    follow(store, made_experiment(tmp_path / "exp", *FIRST), tmp_path)
    whole = made_experiment(tmp_path / "exp", *FIRST, *MORE)
    follow(store, whole, tmp_path)
    before = dict(store.points)
    follow(store, whole, tmp_path)
    assert store.points == before
    assert [p for p in before["trial-0001"] if p[0] == "score"] == [
        ("score", 1, 0.375), ("score", 2, 0.75),
    ]  # fmt: skip
    assert before[SEARCH][-1] == ("best_score", 4, 0.75)


def test_parameters_have_short_names_and_a_run_its_state(store, tmp_path):
    experiment = made_experiment(tmp_path / "exp", *FIRST, *MORE)
    follow(store, experiment, tmp_path)
    names = {n.decode() if isinstance(n, bytes) else n for n in store.params["trial-0000"]}
    assert "lr" in names
    if isinstance(store, InMemory):
        assert store.facts["trial-0000"]["state"] == "completed"
        assert store.facts["trial-0001"]["is_failed"] and store.facts[SEARCH]["best_trial"] == 0


def test_a_session_is_followed_as_it_goes(store, tmp_path):
    experiment = made_experiment(tmp_path / "exp")
    observer = CurvesObserver(store, tmp_path / "written.json", NAMES)
    observer.opened(experiment)
    whole = made_experiment(tmp_path / "other", *FIRST, *MORE)
    for trial in whole.history.trials.values():
        observer.started(trial, tmp_path)
        for each in trial.reports:
            observer.reported(trial, each)
    store.close()
    assert all(math.isfinite(value) for _, _, value in store.points[SEARCH])
    assert [step for _, step, _ in store.points[SEARCH]] == [1, 2, 4]


def test_wandb_keeps_a_search_on_this_machine(tmp_path, monkeypatch):
    pytest.importorskip("wandb", reason="wandb is not installed")
    from automl.tracking.wandb import WandbRuns

    monkeypatch.setenv("WANDB_MODE", "offline")
    experiment = made_experiment(tmp_path / "exp", *FIRST, *MORE)
    follow(WandbRuns(experiment.paths, "toy"), experiment, tmp_path)
    kept = {path.stat().st_size > 0 for path in (tmp_path / "exp").glob("wandb/offline-*/*.wandb")}
    assert kept == {True} and len(list((tmp_path / "exp").glob("wandb/offline-*"))) == 3


def test_calls_that_waited_while_the_journal_was_read_count_no_epoch_twice(tmp_path):
    store = InMemory()
    whole = made_experiment(tmp_path / "exp", *FIRST, *MORE)
    observer = CurvesObserver(store, tmp_path / "written.json", NAMES)
    observer.opened(whole)
    for trial in whole.history.trials.values():
        observer.started(replace(trial, reports=[]), tmp_path)
        for each in trial.reports:
            observer.reported(trial, each)
    assert [step for _, step, _ in store.points[SEARCH]] == [1, 2, 4]
    late = report(1, 3, 0.875)
    longer = made_experiment(tmp_path / "exp", *FIRST, *MORE[:1], late)
    observer.reported(longer.history.trials[1], longer.history.trials[1].reports[-1])
    assert store.points[SEARCH][-1] == ("best_score", 5, 0.875)
