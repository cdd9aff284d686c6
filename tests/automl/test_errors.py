import pytest

from automl.errors import (
    Fault,
    RunFailed,
    UsageError,
    closest,
    disagreement,
    error_to_dict,
    fault_of_a_skill,
    not_allowed,
    not_one_of,
    unknown_key,
)


@pytest.mark.parametrize(
    ("fault", "text", "parts"),
    [
        (
            not_one_of("--runner", "rai", ("ray", "local")),
            "--runner: 'rai' is not one of ray, local; did you mean ray?",
            ("--runner", "rai", ("ray", "local"), "ray"),
        ),
        (
            not_allowed("--trials", 0, "1 or more"),
            "--trials: 0 is not allowed: must be 1 or more",
            ("--trials", 0, "1 or more", None),
        ),
        (
            unknown_key("train.lrr", ("data", "train.lr", "train.width")),
            "train.lrr: unknown key; did you mean train.lr?",
            ("train.lrr", None, ("train.lr", "train.width"), "train.lr"),
        ),
        (
            disagreement("--epochs 3", "epochs=4"),
            "--epochs 3 and epochs=4 disagree; give one of them",
            ("--epochs", None, ("--epochs 3", "epochs=4"), None),
        ),
        (
            fault_of_a_skill("train.optim: unknown key; did you mean train.optima?"),
            "train.optim: unknown key; did you mean train.optima?",
            ("train.optim", None, None, "train.optima"),
        ),
        (fault_of_a_skill("nothing there"), "nothing there", (None, None, None, None)),
    ],
)
def test_a_fault_is_a_line_and_its_parts(fault, text, parts):
    assert fault == text
    assert (fault.key, fault.value, fault.allowed, fault.nearest) == parts


def test_the_plain_form_has_the_first_fault_and_all_of_several():
    one = error_to_dict(RunFailed("no trial has a value"))
    assert one == {
        "error": {
            "kind": "failed", "message": "no trial has a value", "key": None, "value": None,
            "allowed": None, "nearest": None, "next": None,
        }
    }  # fmt: skip
    several = error_to_dict(UsageError("a", Fault("b", key="b"), kind="bad_data"))
    assert [fault["message"] for fault in several["errors"]] == ["a", "b"]
    assert several["error"]["kind"] == "bad_data" and several["errors"][1]["key"] == "b"


@pytest.mark.parametrize(
    ("text", "key", "nearest"),
    [
        ("--constraint: 'x' is not understood; give METRIC<=LIMIT", "--constraint", None),
        ("--objective score:up: the direction 'up' is not one of max, min", "--objective", None),
        ("--set x: unknown key; did you mean y?", "--set", "y"),
        ("--set x: unknown key; did you mean y?; it has y, z", "--set", "y"),
        ("nothing is left to search: --policy off trains", None, None),
    ],
)
def test_a_text_that_begins_with_a_flag_is_a_fault_of_the_flag(text, key, nearest):
    (fault,) = UsageError(text).faults
    assert (fault, fault.key, fault.nearest) == (text, key, nearest)


def test_the_closest_name_is_that_whatever_its_case():
    assert closest("Auto", ["random", "auto"]) == "auto"
    assert closest("trail", ["Trials", "time"]) == "Trials"
    assert closest("xyz", ["auto"]) is None


def test_a_number_is_no_misspelt_other_number():
    fault = not_one_of("--trial", -1, [0, 1, 2])
    assert fault.nearest is None and "did you mean" not in fault
