from pathlib import Path

import pytest

from automl.errors import UsageError
from automl.request.parsing import parsed_options


@pytest.mark.parametrize(
    ("name", "value", "parsed"),
    [
        ("trials", 3, 3),
        ("gpus_per_trial", 1, 1),
        ("data", Path("here"), "here"),
        ("time", 90, "90"),
        ("stop_rule", False, "off"),
        ("objective", "val_miou", ("val_miou",)),
        ("objective", ["a", "b"], ("a", "b")),
        ("spec", {"train": {"lr": 1}}, {"train.lr": 1}),
        ("search", {"train.width": 8}, {"train.width": "8"}),
    ],
)
def test_a_value_is_read_as_its_kind(name, value, parsed):
    assert parsed_options({name: value}, source="file") == {name: parsed}


def test_none_is_an_option_that_was_not_given():
    assert parsed_options({"trials": None}, source="file") == {}


@pytest.mark.parametrize(
    ("name", "value", "match"),
    [
        ("trials", True, "trials: True is not allowed: must be a whole number"),
        ("trials", 1.5, "trials: 1.5 is not allowed: must be a whole number"),
        ("gpus_per_trial", "1", "gpus_per_trial: '1' is not allowed: must be a number"),
        ("skill", ["toy"], "must be a text"),
        ("objective", 3, "must be a text or a list of texts"),
        ("spec", "lr", "must be a mapping of keys to values"),
        (None, 3, "None: unknown key"),
        ("weights", "", "weights: '' is not allowed: must be a text that is not empty; leave"),
        ("space", " ", "must be a text that is not empty"),
        ("data", "", "must be a text that is not empty"),
        ("stop_rule", "", "must be a text that is not empty"),
        ("objective", "", "must be a text that is not empty"),
        ("to", [], "must be one text or more; leave to out for its default"),
        ("to", ["onnx", ""], "must be a text that is not empty"),
    ],
)
def test_a_value_of_another_kind_is_refused(name, value, match):
    with pytest.raises(UsageError, match=f"file: .*{match}|file: {match}"):
        parsed_options({name: value}, source="file")


def test_all_faults_are_named_at_once():
    with pytest.raises(UsageError) as caught:
        parsed_options({"trails": 3, "seed": "x"}, source="file")
    assert [fault.split(":")[1] for fault in caught.value.faults] == [" trails", " seed"]
