import math

import pytest
from made import finish, made_experiment, report, start

from automl.report.page import charts
from automl.report.page.timeline import points
from automl.trial.objective import Objective


@pytest.fixture
def experiment(tmp_path):
    return made_experiment(
        tmp_path / "exp", start(0), report(0, 1, 0.2), start(1), report(1, 1, 0.6),
        report(1, 2, 0.5), finish(0), finish(1, "stopped"),
    )  # fmt: skip


def test_progress_steps_up_with_the_epochs_of_all_trials(experiment):
    figure = charts.progress(experiment, points(experiment))
    default, best = figure["data"][:2]  # The default is drawn below the best.
    assert (best["x"], best["y"]) == ([1, 2, 3], [0.2, 0.6, 0.6])
    assert default["y"] == [0.2, 0.2]
    assert best["customdata"] == ["trial 0000, epoch 1", "trial 0001, epoch 1", "end"]
    assert best["text"] == ["0000", "0001", ""]
    assert best["textposition"][0] == "top left"


def test_a_trial_is_named_where_it_takes_the_lead_if_there_is_room(tmp_path):
    reports = [report(0, epoch, epoch / 100) for epoch in range(1, 31)]
    reports += [report(1, epoch, 0.5 + epoch / 100) for epoch in range(1, 3)]
    experiment = made_experiment(
        tmp_path / "exp", start(0, epochs=31), start(1), *reports, report(0, 31, 0.9)
    )
    best = charts.progress(experiment, points(experiment))["data"][1]
    named = {text: x for text, x in zip(best["text"], best["x"], strict=True) if text}
    # No line of a value that rises goes below the first step.
    assert best["textposition"][0] == "bottom right"
    assert named == {"0000": 33}  # Trial 1 led for two epochs before: its name would touch.


def test_curves_draw_the_best_last_and_the_defaults_dashed(experiment):
    lines = charts.curves(experiment, "finished")["data"]
    assert [line["meta"] for line in lines] == [0, 1]
    assert lines[-1]["name"] == "best: trial 0001, stopped"
    assert lines[0]["line"]["dash"] == "dash"


@pytest.mark.parametrize(
    ("values", "drawn"),
    [([0.5], [0.45, 0.55]), ([0.0], [0.0, 0.05]), ([1.0, 1.0], [0.95, 1.0]),
     ([0.0, 1.0, math.nan], [0.0, 1.0]), ([0.5, 7.0], None), ([math.nan], None)],
)  # fmt: skip
def test_the_axis_of_a_share_stays_between_zero_and_one(values, drawn):
    found = charts.metric_axis("score", values).get("range")
    assert found == (drawn if drawn is None else pytest.approx(drawn))


@pytest.mark.parametrize(
    ("last", "step"), [(1, 1), (2, 1), (10, 1), (15, 2), (37, 5), (100, 10), (270, 50), (1000, 100)]
)
def test_epochs_are_counted_in_whole_ones_about_ten_to_an_axis(last, step):
    assert charts.epoch_axis("epoch", last)["dtick"] == step


def test_the_front_is_marked_among_all_trials(tmp_path):
    objectives = (Objective("score", "max"), Objective("size", "min"))
    experiment = made_experiment(
        tmp_path / "exp", start(0), report(0, 1, 0.2, size=5), start(1), report(1, 1, 0.6, size=9),
        start(2), report(2, 1, 0.1, size=7), objectives=objectives,
    )  # fmt: skip
    others, front = charts.fronts(experiment)["data"]
    assert (front["x"], front["y"]) == ([5, 9], [0.2, 0.6])
    assert (others["x"], others["y"]) == ([7], [0.1])


def test_resources_are_bars_by_state(experiment):
    figure = charts.resources(experiment, "finished")
    assert figure["layout"]["xaxis"]["range"] == [-0.6, 1.6]  # No tick at a trial -1,
    assert figure["layout"]["xaxis"]["dtick"] == 1  # and none between two trials.
    bars = figure["data"]
    assert {bar["name"]: (bar["x"], bar["y"]) for bar in bars} == {
        "completed": ([0], [5.0]), "stopped": ([1], [4.0]),
    }  # fmt: skip


def test_rows_of_a_matrix_become_percent_and_an_empty_row_stays_empty():
    cells = charts.matrix(["a", "b"], [[3, 1], [0, 0]], "truth", "prediction")["data"][0]
    assert cells["z"] == [[75, 25], [None, None]]
    assert cells["customdata"] == [[3, 1], [0, 0]]


def test_totals_sum_the_trials(experiment):
    totals = charts.totals(experiment, points(experiment))
    assert totals["epochs trained"] == "3"
    assert totals["time of all trials together"] == "9 s"
