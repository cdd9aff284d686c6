import pytest
from made import finish, made_experiment, promoted, report, start

from automl.errors import UsageError
from automl.serving.app import Limits
from automl.serving.server import Target, serve


def test_an_experiment_without_a_promoted_model_is_refused_with_the_next_step(tmp_path):
    made_experiment(tmp_path / "e", start(0), report(0, 1, 0.5), finish(0))
    with pytest.raises(UsageError, match=r"has no promoted model; make one: automl promote .*e$"):
        Target.of(str(tmp_path / "e"))


def test_the_promoted_model_of_an_experiment_is_served_by_its_skill(tmp_path):
    made_experiment(tmp_path / "e", start(0), report(0, 1, 0.5), finish(0), promoted(0))
    target = Target.of(str(tmp_path / "e"))
    assert (target.skill, target.model) == ("toy", tmp_path / "e/promoted/model.onnx")


def test_a_skill_whose_models_cannot_be_served_says_so(tmp_path):
    with pytest.raises(UsageError, match="toy: its models cannot be served"):
        serve(Target("toy", tmp_path), Limits())


def test_limits_that_let_nothing_through_are_refused(automl):
    done = automl("serve", "e", "--batch", "0", "--timeout", "-1")
    assert done.returncode == 2
    assert "--batch: 0 is not allowed" in done.stderr and "--timeout: -1" in done.stderr
