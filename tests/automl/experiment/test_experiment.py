import json
import math

import pytest
from toy_experiment import write_toy_experiment

from automl.errors import UsageError
from automl.experiment.experiment import Experiment
from automl.experiment.lock import ExperimentLock


@pytest.fixture
def written(tmp_path, toy_data):
    """Return a function that writes an experiment whose trials have these curves of scores."""

    def write(*curves, confirms=None, **search):
        root = write_toy_experiment(tmp_path / "exp", toy_data, **search)
        events = [{"event": "opened"}]
        for number, curve in enumerate(curves):
            of = (confirms or {}).get(number)
            start = {"event": "start", "trial": number, "values": {}, "epochs": len(curve)}
            events.append(start if of is None else {**start, "confirms": of})
            for epoch, score in enumerate(curve, start=1):
                metrics = {"score": None if math.isnan(score) else score, "loss": 1.0}
                events.append({"event": "report", "trial": number, "epoch": epoch,
                               "metrics": metrics, "decision": "continue"})  # fmt: skip
            events.append({"event": "finish", "trial": number, "state": "completed"})
        lines = [json.dumps({**e, "time": float(n)}) + "\n" for n, e in enumerate(events)]
        (root / "journal.jsonl").write_text("".join(lines))
        return Experiment.load(root)

    return write


def test_the_best_trial_has_the_best_epoch_of_all(written):
    experiment = written([0.1, 0.9, 0.2], [0.5, 0.6], [math.nan])
    assert experiment.best.number == 0
    assert (experiment.value_of(experiment.best), experiment.epoch_of(experiment.best)) == (0.9, 2)
    assert [t.number for t in experiment.ranking()] == [0, 1, 2]


def test_without_a_value_nothing_is_best(written):
    experiment = written([math.nan], [])
    assert experiment.best is None and experiment.contenders() == []


def test_a_confirmation_promotes_the_best_repeat_of_the_better_mean(written):
    curves = [[0.9], [0.8], [0.1], [0.2], [0.5], [0.7]]
    confirms = {2: 0, 3: 0, 4: 1, 5: 1}
    experiment = written(*curves, confirms=confirms, confirm_seeds=2)
    assert [row["trial"] for row in experiment.confirmed()] == [1, 0]
    assert experiment.best.number == 5
    assert [t.number for t in experiment.contenders()] == [0, 1]


def test_a_journal_without_an_end_is_interrupted_and_a_locked_one_runs(written):
    experiment = written([0.1])
    assert experiment.state == "interrupted"
    with ExperimentLock(experiment.paths):
        assert experiment.state == "running"


def test_a_folder_without_settings_is_no_experiment(tmp_path):
    with pytest.raises(UsageError, match="is not an experiment folder"):
        Experiment.load(tmp_path)


def test_a_damaged_event_is_named_with_its_line(written):
    root = written([0.1]).paths.root
    with (root / "journal.jsonl").open("a") as journal:
        journal.write('{"event": "report", "trial": 99, "epoch": 1, "time": 9.0}\n')
    with pytest.raises(UsageError, match=r"journal.jsonl: line 5: trial 99 never started"):
        Experiment.load(root)


def test_results_without_a_journal_are_refused_and_stay(written):
    root = written([0.1]).paths.root
    (root / "trials" / "0000").mkdir(parents=True)
    (root / "journal.jsonl").write_text("")
    with pytest.raises(UsageError, match=r"journal.jsonl: is empty, but there is .*0000"):
        Experiment.load(root)
    (root / "journal.jsonl").unlink()
    with pytest.raises(UsageError, match=r"journal.jsonl: is gone, but there is .*0000"):
        Experiment.load(root)
