import pytest
from made import finish, made_experiment, report, start
from spaces import build, real

from automl.files import write_json
from automl.report.page.parallel import MOST_AXES, OFF, parallel


@pytest.fixture
def figure(tmp_path):
    switch = {"type": "bool", "default": True}
    space = build({"on": switch, "p": real(0.5, 0.0, 1.0, active_when={"on": True})})
    experiment = made_experiment(
        tmp_path / "exp",
        start(0, {"on": True, "p": 0.5}), report(0, 1, 0.2), finish(0),
        start(1, {"on": False}), report(1, 1, 0.6), finish(1),
        start(2, {"on": True, "p": 0.25}), finish(2, "failed", "crashed"),
    )  # fmt: skip
    return parallel(experiment, space)


def line_of(figure, trial):
    return next(line for line in figure["data"] if line["meta"] == trial)


def test_each_trial_is_a_line_from_its_values_to_its_objective(figure):
    assert line_of(figure, 0)["y"] == [0.5, 0.75, 0.0]  # Of two choices the second.
    assert line_of(figure, 0)["text"] == ["p = 0.5", "on = true", "score = 0.2"]
    assert line_of(figure, 1)["y"][-1] == 1.0


def test_an_inactive_parameter_is_drawn_at_off(figure):
    assert line_of(figure, 1)["y"][0] == OFF
    assert "off" in [label["text"] for label in figure["layout"]["annotations"]]


def test_the_line_of_a_failed_trial_ends_before_the_objective(figure):
    assert len(line_of(figure, 2)["y"]) == 2


def test_best_defaults_and_failed_have_names_of_their_own(figure):
    assert {line["name"] for line in figure["data"] if line["showlegend"]} == {
        "best: trial 0001", "defaults: trial 0000", "failed",
    }  # fmt: skip


def test_ticks_are_short_and_of_many_parameters_the_most_important_are_drawn(tmp_path):
    keys = [f"p{n}" for n in range(MOST_AXES + 3)]
    space = build({key: real(3e-4, 1e-5, 0.5) for key in keys})
    experiment = made_experiment(
        tmp_path / "exp", start(0, dict.fromkeys(keys, 0.1)), report(0, 1, 0.2),
        start(1, dict.fromkeys(keys, 0.3)), report(1, 1, 0.4),
    )  # fmt: skip
    write_json(experiment.paths.importance, {key: 1 / (n + 1) for n, key in enumerate(keys)})
    layout = parallel(experiment, space)["layout"]
    assert layout["xaxis"]["ticktext"] == [*keys[MOST_AXES - 1 :: -1], "<b>score</b>"]
    labels = {label["text"] for label in layout["annotations"]}
    assert any("e-4" in text for text in labels)
    assert not any(text.startswith("0.00") for text in labels)
