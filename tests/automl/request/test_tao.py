"""Settings of TAO's AutoML among those of the spec."""

import pytest

from automl.errors import UsageError
from automl.request.tao import with_tao_settings

ADD, REMOVE = "automl_add_hyperparameters", "automl_remove_hyperparameters"


def settings(spec, spec_keys=()):
    return with_tao_settings({"spec": spec}, lambda: spec_keys)


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ({"num_recommendations": 3}, {"automl_num_recommendations": 3}),
        ({"metric": "val_miou"}, {"automl_metric": "val_miou"}),
        (
            {"automl_settings": {"automl_R": 3, "metric": "a"}},
            {"automl_R": 3, "automl_metric": "a"},
        ),
        ({"automl_settings.epoch_multiplier": 2}, {"automl_epoch_multiplier": 2}),
        ({"run_baseline": True}, {"automl_run_baseline": True}),
        ({"train.metric": 1, "num_gpus": 1}, {"train.metric": 1, "num_gpus": 1}),
    ],
)
def test_a_setting_has_its_prefix_afterwards(given, meant):
    assert settings(given) == {"spec": meant}


def test_a_key_of_the_skills_own_spec_is_none():
    assert settings({"metric": 1}, {"metric"}) == {"spec": {"metric": 1}}


@pytest.mark.parametrize("names", [["a.b", "c"], '["a.b", "c"]', "a.b, c"])
def test_parameters_to_add_are_searched_and_those_to_remove_kept(names):
    assert settings({ADD: names, REMOVE: names}) == {
        "spec": {}, "search": {"a.b": "auto", "c": "auto"}, "keep": ("a.b", "c")
    }  # fmt: skip


@pytest.mark.parametrize("nothing", [None, []])
def test_no_parameters_change_nothing(nothing):
    assert settings({ADD: nothing, "a": 1}) == {"spec": {"a": 1}}


@pytest.mark.parametrize("names", [3, [1], "[a", {"a": 1}, [""]])
def test_what_is_no_list_of_keys_is_refused(names):
    with pytest.raises(UsageError, match=f"{ADD}: .* is not allowed: must be a list of keys"):
        settings({ADD: names})
