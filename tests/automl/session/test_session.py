import json
import shutil
from pathlib import Path

import pytest
import yaml
from rewritten import rewrite_settings

from automl.errors import RunFailed, Stopped
from automl.experiment.experiment import Experiment
from automl.experiment.journal import Journal
from automl.experiment.observer import ExperimentObserver
from automl.experiment.paths import ExperimentPaths
from automl.experiment.resources import Resources
from automl.jobs.record import JobState
from automl.jobs.store import JobStore
from automl.plan.plan import plan_from_request
from automl.report.summary import summary
from automl.request.request import Request
from automl.request.search import SearchRequest
from automl.request.space import SpaceRequest
from automl.session.session import drive


@pytest.fixture
def start(tmp_path, toy_data):
    """Return a function that prepares and writes an experiment of the toy skill."""

    def make(
        name="exp",
        *,
        trials=5,
        epochs=9,
        policy="auto",
        algorithm=None,
        searched=(),
        options=(),
        **overrides,
    ):
        request = Request(
            skill="toy",
            data=str(toy_data),
            search=SearchRequest(
                trials=trials, epochs=epochs, algorithm=algorithm, algorithm_options=dict(options)
            ),
            out=tmp_path / name,
            policy=policy,
            space=SpaceRequest(searched=dict(searched)),
            overrides={key.replace("__", "."): value for key, value in overrides.items()},
            resources=Resources(runner="local"),
            tracker="none",
        )
        plan_from_request(request).write()
        return tmp_path / name

    return make


def values_of(experiment):
    return {n: (t.values, t.state, t.epoch) for n, t in experiment.history.trials.items()}


def test_a_search_ends_promoted_and_better_than_the_defaults(start):
    experiment = drive(start())
    assert experiment.state == "finished"
    assert len(experiment.history.trials) == 5
    assert experiment.best.number > 0
    assert f"promoted: {experiment.promotion['onnx']}" in summary(experiment)
    assert f"report: {experiment.paths.report}" in summary(experiment)
    assert Path(experiment.promotion["onnx"]).exists()
    parity = json.loads((experiment.paths.promoted / "parity.json").read_text())
    assert parity["is_equal"] and parity["onnx"] == experiment.value_of(experiment.best)


def test_the_process_that_trains_loads_the_skill_before_it_is_asked_to(
    start, tmp_path, monkeypatch
):
    monkeypatch.setenv("TOY_PRELOADED", str(tmp_path / "preloaded"))
    drive(start(trials=1, epochs=1))
    assert (tmp_path / "preloaded").exists()


def test_policy_off_trains_the_defaults_once_and_promotes_them(start):
    experiment = drive(start(trials=None, policy="off", train__lr=0.02))
    assert [t.values for t in experiment.history.trials.values()] == [{}]
    spec = (experiment.paths.promoted / "spec.yaml").read_text()
    assert "lr: 0.02" in spec


def test_a_promotion_that_is_not_equal_is_rejected_with_the_figures(start):
    root = start(export__drift=0.01)
    with pytest.raises(RunFailed, match="not promoted: score is .* may differ by 0.001"):
        drive(root)
    assert Experiment.load(root).state == "failed"
    assert not (root / "promoted").exists()
    assert json.loads((root / "rejected" / "parity.json").read_text())["is_equal"] is False


def test_a_small_drift_within_the_tolerance_is_promoted(start):
    assert drive(start(export__drift=0.0009)).state == "finished"


@pytest.mark.parametrize(
    ("how", "match"),
    [
        ("memory", "(?s)3 trials failed.*out_of_memory: toy: no memory left .trials 0000, 0001"),
        ("crash", "crashed: ValueError: toy: broke"),
        ("metric", "no_metric: the report has no score; it has loss"),
    ],
)
def test_when_the_first_trials_all_fail_the_search_stops_and_names_the_cause(start, how, match):
    root = start(train__fail=how)
    with pytest.raises(RunFailed, match=match):
        drive(root)
    experiment = Experiment.load(root)
    assert len(experiment.history.trials) == 3
    assert experiment.best is None
    assert all(experiment.value_of(t) is None for t in experiment.history.trials.values())


def test_a_failure_is_data_and_the_trace_is_in_the_log(start):
    experiment = drive(start(trials=8, train__fail="wide"))
    failed = [t for t in experiment.history.trials.values() if t.failure]
    assert failed and all(t.failure.kind == "out_of_memory" for t in failed)
    assert experiment.best.failure is None
    log = experiment.paths.trial(failed[0].number) / "log.txt"
    assert "ToyError: toy: too wide" in log.read_text()


def test_trials_of_named_choices_have_explicit_specs_and_end_the_same_after_a_cut(start, tmp_path):
    whole = drive(start(trials=4, epochs=2, algorithm="random", searched={"start": "auto"}))
    for trial in whole.history.trials.values():
        spec = yaml.safe_load((whole.paths.trial(trial.number) / "spec.yaml").read_text())
        assert spec["train"]["batch_size"] == {"wide": 4, "narrow": 8}[trial.values["start"]]
        assert "start" not in spec
    lines = (tmp_path / "exp" / "journal.jsonl").read_bytes().splitlines(keepends=True)
    shutil.copytree(tmp_path / "exp", tmp_path / "cut")
    (tmp_path / "cut" / "journal.jsonl").write_bytes(b"".join(lines[: len(lines) // 2]))
    assert values_of(drive(tmp_path / "cut")) == values_of(whole)


def test_a_population_changes_no_name_that_makes_another_model(start):
    experiment = drive(
        start(trials=6, algorithm="pbt", searched={"start": "auto"},
              options={"population_size": 3, "eval_interval": 2})
    )  # fmt: skip
    trials = experiment.history.trials
    children = [trial for trial in trials.values() if trial.parent is not None]
    assert children
    assert all(t.values["start"] == trials[t.parent].values["start"] for t in children)


def test_a_finished_experiment_is_left_alone_by_a_resume(start):
    root = start()
    drive(root)
    before = (root / "journal.jsonl").read_bytes()
    assert drive(root).state == "finished"
    assert (root / "journal.jsonl").read_bytes() == before


def test_a_resume_after_a_cut_at_any_event_ends_the_same(start, tmp_path):
    """Of a search that pauses nobody: a checkpoint may be ahead of a journal that was cut."""
    whole = values_of(drive(start(trials=4, epochs=4, algorithm="tpe")))
    lines = (tmp_path / "exp" / "journal.jsonl").read_bytes().splitlines(keepends=True)
    for cut in range(1, len(lines)):
        root = tmp_path / f"cut{cut}"
        shutil.copytree(tmp_path / "exp", root)
        (root / "journal.jsonl").write_bytes(b"".join(lines[:cut]))
        finished = {
            event["trial"] for event in map(json.loads, lines[:cut]) if event["event"] == "finish"
        }
        assert values_of(drive(root)) == whole
        for number in finished:
            log = (ExperimentPaths(root).trial(number) / "epochs.txt").read_text()
            assert log == "from 0\n"


class Interrupting(ExperimentObserver):
    """A tracker whose user presses Ctrl-C at the first report of a trial."""

    def __init__(self, trial):
        self.trial = trial

    def reported(self, trial, report):
        if trial.number == self.trial:
            raise KeyboardInterrupt


class Failing(ExperimentObserver):
    """Raises at the second report of a trial, as a fault of the driver does."""

    def __init__(self, error):
        self.error = error

    def reported(self, trial, report):
        if (trial.number, report.epoch) == (1, 2):
            raise self.error


@pytest.mark.parametrize(
    ("error", "raised", "state"),
    [
        (KeyError("ours"), KeyError, "failed"),
        (OSError(28, "No space left on device", "journal.jsonl"), Stopped, "stopped"),
    ],
)
def test_a_fault_of_the_driver_fails_no_trial_and_can_be_resumed(start, error, raised, state):
    whole = values_of(drive(start("whole", algorithm="tpe")))
    root = start(algorithm="tpe")
    with pytest.raises(raised, match="ours|No space left on device.*automl resume"):
        drive(root, watchers=[Failing(error)])
    broken = Experiment.load(root)
    assert broken.state == state
    assert broken.history.trials[1].failure is None
    assert not broken.history.trials[1].state.is_final
    assert values_of(drive(root)) == whole


@pytest.mark.parametrize("algorithm", ["tpe", "auto"])
def test_an_abort_ends_no_trial(start, algorithm):
    """Complaint 2: what was cut off is not over; the search goes on as if nothing had been."""
    whole = values_of(drive(start("whole", algorithm=algorithm)))
    root = start(algorithm=algorithm)
    with pytest.raises(KeyboardInterrupt):
        drive(root, watchers=[Interrupting(2)])
    aborted = Experiment.load(root)
    assert aborted.state == "stopped"
    assert not aborted.history.trials[2].state.is_final
    ends = [e["trial"] for e in Journal(root / "journal.jsonl").read() if e["event"] == "finish"]
    assert 2 not in ends
    assert values_of(drive(root)) == whole


def test_all_state_lies_in_the_experiments_folder(start, tmp_path, monkeypatch):
    """Complaint 3: moved elsewhere in the middle of its search, it goes on and ends the same."""
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.chdir(home)
    whole = values_of(drive(start("whole", algorithm="auto")))
    root = start(algorithm="auto")
    with pytest.raises(KeyboardInterrupt):
        drive(root, watchers=[Interrupting(3)])
    moved = root.rename(tmp_path / "moved")
    assert values_of(drive(moved)) == whole
    assert list(home.rglob("*")) == []


def test_an_interrupted_trial_goes_on_from_its_checkpoint(start, tmp_path):
    root = start(trials=1)
    drive(root)
    lines = (root / "journal.jsonl").read_bytes().splitlines(keepends=True)
    (root / "journal.jsonl").write_bytes(b"".join(lines[:5]))
    trial = tmp_path / "exp" / "trials" / "0000" / "checkpoints" / "last.json"
    state = json.loads(trial.read_text())
    trial.write_text(json.dumps({**state, "epoch": 3}))
    drive(root)
    assert (root / "trials" / "0000" / "epochs.txt").read_text() == "from 0\nfrom 3\n"
    epochs = [e["epoch"] for e in Journal(root / "journal.jsonl").read() if e["event"] == "report"]
    assert epochs == list(range(1, 10))


def test_a_rejected_promotion_is_tried_again_by_a_resume_without_a_worker(
    start, tmp_path, monkeypatch
):
    root = start(export__drift=0.01)
    with pytest.raises(RunFailed, match="not promoted"):
        drive(root)
    monkeypatch.setenv("TOY_PRELOADED", str(tmp_path / "preloaded"))
    rewrite_settings(root, "drift: 0.01", "drift: 0.0")
    trained = (root / "trials" / "0000" / "epochs.txt").read_text()
    assert drive(root).state == "finished"
    assert (root / "trials" / "0000" / "epochs.txt").read_text() == trained
    assert not (tmp_path / "preloaded").exists()


def test_a_resume_goes_on_after_early_failures_whose_cause_was_mended(start):
    root = start(train__fail="crash")
    with pytest.raises(RunFailed, match="3 trials failed"):
        drive(root)
    rewrite_settings(root, "fail: crash", "fail: ''")
    experiment = drive(root)
    states = [t.state.value for t in experiment.history.trials.values()]
    assert states[:3] == ["failed"] * 3 and "completed" in states[3:]
    assert experiment.state == "finished"


def test_a_resume_after_the_end_writes_what_a_kill_kept_from_being_written(start):
    root = start(trials=2, epochs=2)
    paths = drive(root).paths
    derived = (paths.report, paths.leaderboard, paths.best, root.parent / "jobs.db")
    for path in derived:
        path.unlink()
    drive(root)
    assert all(path.exists() for path in derived)
    assert JobStore(root.parent).get("exp").state is JobState.COMPLETED
