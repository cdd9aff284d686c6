import pytest
from toy_experiment import toy_plan, write_toy_experiment

from automl.errors import UsageError
from automl.experiment.paths import ExperimentPaths
from automl.experiment.warm_start import read_past, write_past
from automl.session.session import drive
from automl.trial.trial import PastTrial


@pytest.fixture
def start(tmp_path, toy_data):
    return lambda name, **search: write_toy_experiment(tmp_path / name, toy_data, **search)


def test_a_warm_start_begins_with_the_best_of_the_earlier_experiment(start, tmp_path):
    first = drive(start("first", trials=12))
    again = drive(start("again", trials=3, warm_start=str(tmp_path / "first"), seed=5))
    best = max(first.history.trials.values(), key=lambda t: first.value_of(t) or 0)
    assert again.history.trials[1].values == best.values
    auto = drive(start("auto", trials=3, warm_start="auto", seed=6))
    assert auto.history.trials[1].values == best.values


@pytest.mark.parametrize("file", ["settings.yaml", "journal.jsonl", "schema.json"])
@pytest.mark.parametrize("content", ["", "{torn", "[1, 2]", '{"event": "report", "trial": 7}\n'])
def test_a_damaged_neighbour_is_skipped(start, tmp_path, toy_data, file, content):
    first = drive(start("first", trials=3))
    start("damaged", trials=3)
    (tmp_path / "damaged" / "journal.jsonl").write_text('{"event": "opened", "time": 1.0}\n')
    (tmp_path / "damaged" / file).write_text(content)
    plan = toy_plan(tmp_path / "new", toy_data, warm_start="auto")
    assert len(plan.warm_start.trials) == len(first.history.trials)
    for fault in plan.warm_start.unreadable:
        assert "damaged" in fault and fault in plan.announcement()
    if file == "settings.yaml":
        assert plan.warm_start.unreadable


@pytest.mark.slow
@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"constraints": ("latency_ms<=20",)}, "its objectives are"),
        ({"objectives": ("score", "loss:min")}, "its objectives are"),
    ],
)
def test_a_warm_start_from_another_kind_of_experiment_is_refused(start, tmp_path, change, match):
    drive(start("first", trials=2))
    with pytest.raises(UsageError, match=match):
        start("again", warm_start=str(tmp_path / "first"), **change)
    (tmp_path / "first" / "schema.json").write_text("{}")
    with pytest.raises(UsageError, match="its schema is another"):
        start("third", warm_start=str(tmp_path / "first"))


def test_earlier_trials_are_read_as_they_were_written_with_nan_as_null(tmp_path):
    paths = ExperimentPaths(tmp_path)
    past = [PastTrial({"lr": 0.1}, {1: 0.5, 2: 0.7}), PastTrial({"lr": 0.2}, {1: (0.5, 3.0)})]
    write_past(paths, past)
    assert read_past(paths) == past
    write_past(paths, [PastTrial({}, {1: float("nan")})])
    assert read_past(paths)[0].curve[1] != read_past(paths)[0].curve[1]
