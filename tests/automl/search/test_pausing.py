"""Paused, copied, halved and infeasible trials, driven through real sessions of the toy skill."""

import json
import shutil

import pytest

from automl.experiment.experiment import Experiment
from automl.experiment.journal import Journal
from automl.experiment.paths import ExperimentPaths
from automl.experiment.resources import Resources
from automl.plan.plan import plan_from_request
from automl.request.request import Request
from automl.request.search import SearchRequest
from automl.session.session import drive
from automl.trial.trial import TrialState

SETTINGS = {
    "pbt": {"population_size": 4, "eval_interval": 2},
    "asha": {},
    "hyperband": {},
    "dehb": {},
    "auto": {},
}


@pytest.fixture
def start(tmp_path, toy_data):
    def make(name="exp", *, overrides=None, **search):
        request = Request(
            skill="toy",
            data=str(toy_data),
            out=tmp_path / name,
            search=SearchRequest(**{"epochs": 9, "trials": 8, **search}),
            overrides=overrides or {},
            resources=Resources(runner="local"),
            tracker="none",
        )
        plan_from_request(request).write()
        return tmp_path / name

    return make


def values_of(experiment):
    return {n: (t.values, t.state, t.epoch) for n, t in experiment.history.trials.items()}


def epochs_of(root):
    epochs = {}
    for event in Journal(root / "journal.jsonl").read():
        if event["event"] == "report":
            epochs.setdefault(event["trial"], []).append(event["epoch"])
    return epochs


@pytest.mark.parametrize("algorithm", ["asha", "hyperband"])
def test_a_paused_trial_goes_on_in_its_folder_from_its_checkpoint(start, algorithm):
    experiment = drive(start(algorithm=algorithm))
    logs = [
        (experiment.paths.trial(n) / "epochs.txt").read_text().split("\n")[:-1]
        for n in experiment.history.trials
    ]
    assert max(len(log) for log in logs) == 3  # 1, 3 and 9 epochs.
    assert ["from 0", "from 1", "from 3"] in logs
    assert all(e == list(range(1, len(e) + 1)) for e in epochs_of(experiment.paths.root).values())
    assert all(t.state.is_final for t in experiment.history.trials.values())
    assert experiment.best.epoch == 9


@pytest.mark.slow
@pytest.mark.parametrize("algorithm", sorted(SETTINGS))
def test_a_cut_at_any_event_ends_the_same(start, tmp_path, algorithm):
    search = {
        "algorithm": algorithm,
        "algorithm_options": SETTINGS[algorithm],
        "trials": 6,
        "epochs": 4,
    }
    whole = values_of(drive(start(**search)))
    lines = (tmp_path / "exp" / "journal.jsonl").read_bytes().splitlines(keepends=True)
    for cut in [*range(1, len(lines), 7), len(lines) - 5]:
        root = tmp_path / f"cut{cut}"
        shutil.copytree(tmp_path / "exp", root)
        (root / "journal.jsonl").write_bytes(b"".join(lines[:cut]))
        for number in whole:
            _rewind(ExperimentPaths(root).trial(number), lines[:cut], number)
        assert values_of(drive(root)) == whole, cut
        shutil.rmtree(root)


def test_auto_ends_where_checkpoints_are_ahead_of_a_journal_that_was_cut(start, tmp_path):
    """As when an older copy of the journal is put back: their epochs are told, once each."""
    search = {"algorithm": "auto", "trials": None, "epochs": 9, "budget_epochs": 40}
    whole = drive(start(**search))
    lines = (tmp_path / "exp" / "journal.jsonl").read_bytes().splitlines(keepends=True)
    for cut in range(3, len(lines), len(lines) // 8):
        root = tmp_path / f"cut{cut}"
        shutil.copytree(tmp_path / "exp", root)
        (root / "journal.jsonl").write_bytes(b"".join(lines[:cut]))
        experiment = drive(root)
        assert experiment.state == "finished"
        assert all(e == sorted(set(e)) for e in epochs_of(root).values())
        assert experiment.best.number in experiment.history.trials
        known = {json.loads(e).get("trial") for e in lines[:cut]}
        for number in set(experiment.history.trials) - known:
            log = (experiment.paths.trial(number) / "epochs.txt").read_text()
            assert log.startswith("from 0\n"), "a new trial never takes up what lay there"
    assert whole.state == "finished"


def _rewind(folder, lines, number):
    """Set a trial's folder back to where it was when the journal ended."""
    events = [e for e in map(json.loads, lines) if e.get("trial") == number]
    last = folder / "checkpoints" / "last.json"
    epochs = [e["epoch"] for e in events if e["event"] == "report"]
    if not events or not epochs:
        shutil.rmtree(folder, ignore_errors=True)
        return
    state = json.loads(last.read_text())
    metrics = next(e["metrics"] for e in events if e.get("epoch") == epochs[-1])
    last.write_text(json.dumps({**state, "epoch": epochs[-1], "score": metrics["score"]}))


def test_a_copy_begins_from_its_parents_checkpoint_with_other_values(start):
    experiment = drive(
        start(algorithm="pbt", algorithm_options=SETTINGS["pbt"], trials=8, epochs=8)
    )
    copies = [t for t in experiment.history.trials.values() if t.parent is not None]
    assert copies
    for trial in copies:
        first = (experiment.paths.trial(trial.number) / "epochs.txt").read_text().split("\n")[0]
        assert first == f"from {trial.reports[0].epoch}" != "from 0"
        parent = experiment.history.trials[trial.parent]
        assert trial.values != parent.values
        known = {r.epoch: r.metrics["score"] for r in parent.reports}
        assert trial.reports[0].metrics["score"] == known[trial.reports[0].epoch]


def test_out_of_memory_is_tried_again_at_half_the_batch(start):
    experiment = drive(start(trials=2, overrides={"train.fail": "batch"}))
    assert {t.state for t in experiment.history.trials.values()} <= {
        TrialState.COMPLETED,
        TrialState.STOPPED,
    }
    trial = experiment.history.trials[0]
    assert trial.adjusted == {"train.batch_size": 4, "train.accumulate": 2}
    assert "batch_size: 4" in (experiment.paths.trial(0) / "spec.yaml").read_text()
    assert "batch_size: 4" in (experiment.paths.promoted / "spec.yaml").read_text()


def test_out_of_memory_at_half_the_batch_is_infeasible(start):
    experiment = drive(start(trials=8, overrides={"train.fail": "wide"}))
    failed = [t for t in experiment.history.trials.values() if t.failure]
    assert failed and all(t.halvings == 1 for t in failed)
    assert experiment.best.failure is None


def test_the_epochs_of_the_budget_end_a_search(start):
    experiment = drive(start(algorithm="asha", trials=None, budget_epochs=30))
    assert 25 <= sum(t.epoch for t in experiment.history.trials.values()) <= 30
    assert experiment.state == "finished"


def test_the_time_of_the_budget_ends_a_search(start):
    slow = {"train.pause_s": 0.2}
    experiment = drive(start(algorithm="random", trials=None, time="2s", overrides=slow))
    # No training starts that could not end an epoch in time.
    assert 1.7 <= experiment.history.driven_s < 6
    assert experiment.state == "finished"
    assert experiment.best is not None
    assert len(experiment.history.trials) < 6


@pytest.mark.slow
def test_a_search_out_of_time_is_not_taken_up_again(start):
    root = start(algorithm="random", trials=None, time="1s", overrides={"train.pause_s": 0.2})
    before = values_of(drive(root))
    lines = (root / "journal.jsonl").read_bytes().splitlines(keepends=True)
    (root / "journal.jsonl").write_bytes(b"".join(lines[:-2]))
    drive(root)
    assert values_of(Experiment.load(root)) == before
