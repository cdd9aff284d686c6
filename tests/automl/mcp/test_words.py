"""Arguments become words that a command cannot misread."""

import pytest

from automl.errors import UsageError
from automl.mcp.words import flag_words, place, run_words


def test_every_kind_of_option_becomes_words():
    arguments = {
        "data": "--out", "trials": 3, "strict_data": True, "download": False,
        "objective": ["val_miou", "latency_ms:min"], "spec": {"train.lr": 0.1, "a": "x y"},
        "search": {"train.wd": "log(1e-5,1e-3)"}, "fix": {"train.x": [1, 2]},
    }  # fmt: skip
    assert run_words(arguments) == [
        "run", "--data=--out", "--trials=3", "--strict-data", "--objective=val_miou",
        "--objective=latency_ms:min", "train.lr=0.1", 'a="x y"',
        "--search=train.wd=log(1e-5,1e-3)", "--fix=train.x=[1, 2]",
    ]  # fmt: skip


@pytest.mark.parametrize("key", ["--address", "-x", "a b", "", "out", "address"])
def test_a_key_that_would_be_read_as_something_else_is_refused(key):
    with pytest.raises(UsageError, match="is not a key|an argument of its own"):
        run_words({"spec": {key: "x"}})


def test_flags_and_places_are_never_taken_for_each_other():
    assert flag_words({"max_drop": 0.1, "refine": True, "to": None}, ["max_drop", "refine", "to"])
    assert (place("-rf"), place("runs/x")) == ("./-rf", "runs/x")
