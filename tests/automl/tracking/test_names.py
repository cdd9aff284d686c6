from made import made_experiment
from spaces import build, real

from automl.files import write_yaml
from automl.tracking.names import ParameterNames


def test_a_parameter_has_one_name_in_all_trials_whatever_else_they_have(tmp_path):
    experiment = made_experiment(tmp_path / "exp")
    keys = ("train.lr", "flip.p", "turn.p")
    space = build({key: real(0.5, 0.0, 1.0) for key in keys})
    write_yaml(experiment.paths.space, space.to_dict())
    names = ParameterNames(experiment)
    assert names.of({"flip.p": 1, "train.lr": 2}) == {"flip.p": 1, "lr": 2}
    assert names.of(dict.fromkeys((*keys, "other.key"))).keys() == {
        "lr", "flip.p", "turn.p", "other.key",
    }  # fmt: skip


def test_an_experiment_without_a_space_keeps_the_keys(tmp_path):
    names = ParameterNames(made_experiment(tmp_path / "exp"))
    assert names.of({"train.lr": 1}) == {"train.lr": 1}
