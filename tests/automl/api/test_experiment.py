import pytest
from searched import LOCAL

import automl


def test_a_loaded_experiment_is_the_one_that_was_run(experiment):
    again = automl.Experiment.load(str(experiment.paths.root))
    assert isinstance(again, automl.Experiment)
    assert again.to_dict() == experiment.to_dict()


def test_a_notebook_shows_the_leaderboard(experiment):
    html = experiment._repr_html_()
    value = experiment.value_of(experiment.best)
    assert f"best: trial {experiment.best.number:04d}, score {value:.4f}" in html
    assert html.count("<tr") == 5 and "train.lr" in html


def test_another_trial_is_promoted_by_its_number(experiment):
    other = experiment.ranking()[1].number
    promoted = experiment.promote(other, to=" onnx , onnx")
    assert promoted.promotion["trial"] == other
    with pytest.raises(automl.UsageError, match="--to: 'onx' is not one of onnx, int8, engine"):
        experiment.promote(to="onx")
    with pytest.raises(automl.UsageError, match="trial: 'x' is not allowed: must be a whole"):
        experiment.promote("x")
    with pytest.raises(automl.UsageError, match="--to: \\[\\] is not allowed: must be one model"):
        experiment.promote(to=[])
    with pytest.raises(automl.UsageError, match="name: 3 is not allowed"):
        experiment.plot(3)
    with pytest.raises(automl.UsageError, match="callbacks: 3 is not allowed"):
        experiment.resume(callbacks=3)


def test_a_finished_experiment_is_left_alone_by_a_resume(experiment):
    journal = experiment.paths.journal.read_bytes()
    assert experiment.resume().state == "finished"
    assert experiment.paths.journal.read_bytes() == journal


def test_experiments_and_trials_are_short_in_a_notebook(experiment):
    value = experiment.value_of(experiment.best)
    assert repr(experiment).endswith(f"exp', finished, 4 trials, best score {value:.4f})")
    best = experiment.best
    assert repr(best) == f"Trial({best.number}, {best.state}, epoch {best.epoch} of {best.epochs})"


@pytest.mark.parametrize(
    "name", ["progress", "curves", "importance", "parallel", "slices", "distribution"]
)
def test_the_figures_of_the_report_are_figures_of_plotly(experiment, name):
    assert experiment.plot(name).data


@pytest.mark.parametrize(
    ("name", "match"), [("curvs", "did you mean curves"), ("front", "has one objective")]
)
def test_a_figure_that_cannot_be_drawn_is_refused(experiment, name, match):
    with pytest.raises(automl.UsageError, match=match):
        experiment.plot(name)


def test_a_skill_without_models_in_python_and_an_experiment_without_one_say_so(
    experiment, tmp_path
):
    with pytest.raises(automl.UsageError, match="toy loads no models in Python"):
        experiment.predict("image.png")
    with pytest.raises(automl.RunFailed):
        automl.run(**LOCAL, data=tmp_path, out=tmp_path / "exp", spec={"train.fail": "crash"})
    with pytest.raises(automl.UsageError, match="no trial has a value: automl status"):
        _ = automl.Experiment.load(tmp_path / "exp").model
