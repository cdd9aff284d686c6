"""Steps within an epoch and within a promotion, as the folder of an action says."""

import io
import json
import time
from dataclasses import replace

import pytest
from made import made_experiment, report, start, view_of
from rich.console import Console

from automl.experiment.journal import Journal
from automl.progress.screen import Screen
from automl.progress.steps import FILE, Steps, read_steps

PLAIN = {"stage": "training", "epoch": 2, "step": 31, "steps": 46, "seconds_per_step": 2.13,
         "loss": 1.8431}  # fmt: skip


def view(experiment, folder, content, *events):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / FILE).write_text(json.dumps(content))
    paths = experiment.paths
    events = [*Journal(paths.journal).read(), *events]
    return view_of(paths.root, experiment.settings, events, state="running", now=9.0)


def drawn(view):
    console = Console(width=80, height=24, record=True, file=io.StringIO())
    console.print(Screen(view))
    return console.export_text()


def test_a_running_trial_shows_its_step_on_a_narrow_screen(tmp_path):
    experiment = made_experiment(tmp_path / "exp", start(0), report(0, 1, 0.5))
    made = view(experiment, experiment.paths.trial(0), PLAIN)
    assert made.to_dict()["running"][0]["steps"] == PLAIN
    assert "step 31/46, 2.1 s/step, loss 1." in drawn(made)


def test_steps_of_an_epoch_that_was_reported_are_not_shown(tmp_path):
    experiment = made_experiment(tmp_path / "exp", start(0), report(0, 1, 0.5))
    made = view(experiment, experiment.paths.trial(0), {**PLAIN, "epoch": 1})
    assert made.running[0].steps is None


def test_the_time_left_is_known_from_the_first_steps_on(tmp_path):
    experiment = made_experiment(tmp_path / "exp", start(0), start(1))
    folder = experiment.paths.trial(0)
    steps = {**PLAIN, "epoch": 1, "steps": 10, "seconds_per_step": 2.0}
    assert view(experiment, folder, {**steps, "step": 2}).left is None
    made = view(experiment, folder, {**steps, "step": 3})
    # Two at once train 4 trials of 3 epochs, each epoch in 20 s.
    assert (made.left.seconds, made.left.is_by_steps) == (4 * 3 * 20 / 2, True)
    assert "at most about 2 min of search, by the first steps" in drawn(made)


def at_the_start(tmp_path, **event):
    return made_experiment(tmp_path / "exp", {**start(0), **event})


def test_a_trial_whose_worker_has_not_begun_is_starting(tmp_path):
    experiment = at_the_start(tmp_path)
    paths = experiment.paths
    (running,) = view_of(
        paths.root, experiment.settings, Journal(paths.journal).read(), state="running", now=9.0
    ).running
    assert running.steps == Steps("starting")


def test_a_worker_that_trains_and_says_nothing_shows_why_the_trial_runs(tmp_path):
    experiment = at_the_start(tmp_path, reason="the defaults")
    folder = experiment.paths.trial(0)
    folder.mkdir(parents=True)
    (folder / "environment.json").write_text("{}")
    events = Journal(experiment.paths.journal).read()
    made = view_of(experiment.paths.root, experiment.settings, events, state="running", now=9.0)
    assert made.running[0].steps is None and "the defaults" in drawn(made)


def test_what_a_training_does_before_its_first_step_is_shown(tmp_path):
    experiment = at_the_start(tmp_path)
    made = view(experiment, experiment.paths.trial(0), {"stage": "loading libraries"})
    assert "loading libraries" in drawn(made)


@pytest.mark.parametrize("content", [{"stage": "loading libraries"}, PLAIN])
def test_what_an_earlier_session_was_doing_is_not_shown(tmp_path, content):
    experiment = at_the_start(tmp_path, time=time.time() + 60)
    made = view(experiment, experiment.paths.trial(0), content)
    assert made.running[0].steps == Steps("starting")


def test_a_validation_is_named(tmp_path):
    experiment = at_the_start(tmp_path)
    content = {"stage": "validating", "epoch": 1, "step": 3, "steps": 16}
    assert "validating 3/16" in drawn(view(experiment, experiment.paths.trial(0), content))


def test_a_promotion_says_which_model_it_measures(tmp_path):
    experiment = made_experiment(tmp_path / "exp", start(0), report(0, 1, 0.5))
    folder = tmp_path / "exp" / ".promoting" / "onnx"
    content = {"stage": "measuring", "step": 60, "steps": 101}
    made = view(experiment, folder, content, {"event": "promoting", "trial": 0, "time": 5.0})
    assert made.promoting == Steps("measuring onnx", 60, 101)
    assert "measuring onnx 60/101" in drawn(made)


def test_an_export_in_the_folder_of_the_promotion_names_no_model(tmp_path):
    experiment = made_experiment(tmp_path / "exp", start(0), report(0, 1, 0.5))
    promoting = {"event": "promoting", "trial": 0, "time": 5.0}
    folder = tmp_path / "exp" / ".promoting"
    made = view(experiment, folder, {"stage": "loading libraries"}, promoting)
    assert made.promoting == Steps("loading libraries")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        '{"step": 1}',
        '{"stage": "x", "step": "a", "steps": 1}',
        "9" * 20000,
    ],
)
def test_a_file_that_is_no_such_thing_is_ignored(tmp_path, text):
    (tmp_path / FILE).write_text(text)
    assert read_steps(tmp_path) is None


def test_control_characters_and_numbers_that_are_none_are_not_passed_on(tmp_path):
    (tmp_path / FILE).write_text(json.dumps({**PLAIN, "stage": "\x1b[2J", "loss": float("nan")}))
    steps = read_steps(tmp_path)
    assert "\x1b" not in steps.stage and steps.loss is None
    assert replace(steps, loss=1.0).text().endswith("loss 1")


def test_the_loss_is_whole_beside_a_curve_on_a_screen_of_80_columns(tmp_path):
    events = [event for n in (0, 1) for event in (start(n), report(n, 1, 0.449 + n * 0.3617))]
    experiment = made_experiment(tmp_path / "exp", *events)
    steps = {**PLAIN, "step": 9, "steps": 12, "seconds_per_step": 0.43, "loss": 0.38861}
    made = view(experiment, experiment.paths.trial(1), steps)
    assert "0.449 to 0.811" in drawn(made) and "step 9/12, 0.43 s/step, loss 0.389" in drawn(made)
