import json

import pytest
from made import finish, made_experiment, report, start
from spaces import build, real

from automl.report.page import space_charts


@pytest.fixture
def space():
    choices = {"type": "string", "default": "sgd", "enum": ["sgd", "adam"]}
    return build({"lr": real(0.01, 0.0001, 1.0, scale="log"), "name": choices,
                  "off": real(0.5, 0.0, 1.0)})  # fmt: skip


@pytest.fixture
def experiment(tmp_path):
    return made_experiment(
        tmp_path / "exp",
        start(0, {"lr": 0.01, "name": "sgd"}), report(0, 1, 0.2), finish(0),
        start(1, {"lr": 0.1, "name": "adam"}), report(1, 1, 0.6), finish(1, "stopped"),
        start(2, {"lr": 0.2, "name": "adam"}), finish(2, "failed", "crashed"),
        start(3, {"lr": 0.1, "name": "adam"}, confirms=1), report(3, 1, 0.5), finish(3),
    )  # fmt: skip


def test_trials_with_a_value_are_measured_worst_first_without_repeats(experiment):
    assert [(t.number, value) for t, value in space_charts.measured(experiment)] == [
        (0, 0.2), (1, 0.6),
    ]  # fmt: skip


def test_parameters_that_were_never_on_are_left_out_and_the_important_come_first(experiment, space):
    experiment.paths.importance.write_text(json.dumps({"name": 0.9, "lr": 0.1}))
    assert [p.key for p in space_charts.charted(experiment, space)] == ["name", "lr"]


def test_slices_have_a_log_axis_a_star_for_the_best_and_categories(experiment, space):
    figure = space_charts.slices(experiment, space, "finished")
    assert figure["layout"]["xaxis"]["type"] == "log"
    assert figure["layout"]["xaxis2"]["categoryarray"] == ["sgd", "adam"]
    stars = [trace for trace in figure["data"] if trace["marker"]["symbol"] == "star"]
    assert [(trace["name"], trace["y"]) for trace in stars] == [("best", [0.6]), ("best", [0.6])]


def test_level_lines_go_through_the_trials_of_two_parameters(tmp_path):
    space = build({"lr": real(0.01, 0.001, 1.0, scale="log"), "momentum": real(0.5, 0.0, 1.0)})
    experiment = made_experiment(
        tmp_path / "exp", start(0, {"lr": 0.1, "momentum": 0.5}), report(0, 1, 0.2),
        start(1, {"lr": 0.01, "momentum": 0.9}), report(1, 1, 0.6),
        start(2, {"lr": 0.1}), report(2, 1, 0.4),
    )  # fmt: skip
    levels, dots = space_charts.contour(experiment, space, *space.parameters.values())["data"]
    assert (levels["x"], levels["y"]) == ([0.01, 0.1], [0.5, 0.9])
    assert levels["z"] == [[None, 0.2], [0.6, None]]
    assert dots["marker"]["symbol"] == ["circle", "star"]


@pytest.mark.parametrize(
    ("values", "ticks"),
    [
        ([1e-4, 0.02, 0.4], [1e-4, 1e-3, 0.01, 0.1]),
        ([1.4, 29.0, 3.0], [3, 10]),
        ([1e-6, 1.0], [1e-6, 1e-4, 0.01, 1]),
        ([0.0003, 0.0008], [0.0003, 0.0005, 0.0007]),
        ([1.01, 1.02], [1.01, 1.02]),
        ([0.5], [0.5]),
    ],
)
def test_a_logarithmic_axis_has_several_round_values(tmp_path, values, ticks):
    lr = real(0.01, 1e-9, 100.0, scale="log")
    events = [event for n, value in enumerate(values)
              for event in (start(n, {"lr": value}), report(n, 1, 0.1 * n))]  # fmt: skip
    made = made_experiment(tmp_path / "exp", *events)
    figure = space_charts.slices(made, build({"lr": lr}), "finished")
    assert figure["layout"]["xaxis"]["tickvals"] == pytest.approx(ticks)
