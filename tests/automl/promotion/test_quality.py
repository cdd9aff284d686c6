from dataclasses import replace

import pytest
from made import finish, made_experiment, report, start

from automl.promotion.quality import too_little, warnings_of
from automl.skill.installed import load_skill

QUALITY = {"class_scores": "iou_", "constant": {"score": "constant"}}
INFO = replace(load_skill("toy").info, quality=QUALITY)


@pytest.fixture
def made(tmp_path):
    """Return a function that makes an experiment of trials with these scores."""

    def make(*scores):
        events = [[start(n), report(n, 1, s), finish(n)] for n, s in enumerate(scores)]
        return made_experiment(tmp_path / "exp", *(e for trial in events for e in trial))

    return make


def warned(experiment, number, **metrics):
    trial = experiment.history.trials[number]
    return warnings_of(experiment, trial, {"score": 0.5, **metrics}, INFO)


def test_defaults_that_nothing_beat_are_named_if_others_were_tried(made):
    (warning,) = warned(made(0.6, 0.5), 0)
    assert warning == "no trial beat the defaults (trial 0000) within 2 epochs of training"
    assert warned(made(0.6), 0) == []


def test_a_trial_that_is_worse_than_the_defaults_says_by_how_much(made):
    (warning,) = warned(made(0.6, 0.5), 1)
    assert "0001 does not beat the defaults: score 0.5000 against 0.6000" in warning


def test_a_model_that_a_constant_prediction_matches_is_named(made):
    (warning,) = warned(made(0.4, 0.5), 1, constant=0.5)
    assert warning == "score 0.5000 is no better than a constant prediction, which has 0.5000"
    assert warned(made(0.4, 0.5), 1, constant=0.49) == []


def test_classes_without_a_hit_are_named(made):
    (warning,) = warned(made(0.4, 0.5), 1, iou_car=0.0, iou_sky=0.2, iou_pole=0.0)
    assert warning == "2 of 3 classes have a score of 0: car, pole"


@pytest.mark.parametrize(
    ("metrics", "reason"),
    [
        ({"constant": 0.5}, "score 0.5000 is no better than a constant prediction"),
        (
            {"constant": 0.4, "iou_a": 0.0, "iou_b": 0.0, "iou_c": 0.9},
            "2 of 3 classes have a score",
        ),
        ({"constant": 0.4, "iou_a": 0.0, "iou_b": 0.9}, ""),
        ({}, ""),
    ],
)
def test_a_model_that_has_learned_too_little_has_a_reason(made, metrics, reason):
    text = too_little(made(0.4, 0.5), {"score": 0.5, **metrics}, INFO)
    assert text.startswith(reason)
    assert text.endswith("--min-objective X makes it champion from X on") == bool(reason)


def test_a_skill_that_names_no_scores_gets_no_warning_of_them(made):
    experiment = made(0.4, 0.5)
    trial = experiment.history.trials[1]
    assert warnings_of(experiment, trial, {"iou_car": 0.0}, load_skill("toy").info) == []
