import json

import pytest

from automl.errors import UsageError
from automl.promote import Wanted


@pytest.fixture
def finished(automl, toy_data, tmp_path):
    done = automl("run", "--skill", "toy", "--data", toy_data, "--out", "e", "--trials", "3",
                  "--runner", "local", "--tracker", "none", "--quiet", "--json")  # fmt: skip
    assert done.returncode == 0, done.stderr
    return tmp_path / "e"


def test_another_trial_is_promoted_by_its_number(automl, finished):
    done = automl("promote", "e", "--trial", "0", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["promotion"]["trial"] == 0
    parity = json.loads((finished / "promoted" / "parity.json").read_text())
    assert (parity["trial"], parity["is_equal"]) == (0, True)


def test_the_card_says_what_was_measured_and_how_to_load_it(finished):
    card = (finished / "promoted" / "model_card.md").read_text()
    for text in ("## How it was proved", "| ONNX Runtime |", "fingerprint toy", "InferenceSession"):
        assert text in card


def test_a_trial_without_a_result_is_refused_with_those_that_have_one(automl, finished):
    done = automl("promote", "e", "--trial", "9")
    assert done.returncode == 2
    assert "--trial: 9 has no result to promote; those that have: 0, 1, 2" in done.stderr


def test_a_conversion_that_the_skill_has_no_action_for_is_refused(automl, finished):
    done = automl("promote", "e", "--to", "onnx,int8")
    assert done.returncode == 2
    assert "--to: int8: toy has no action quantize" in done.stderr
    assert (finished / "promoted" / "model.onnx").exists()


@pytest.mark.parametrize(
    ("wanted", "message"),
    [({"to": ("onx",)}, r"'onx' is not one of onnx, int8, engine.*onnx"),
     ({"max_drop": 2.0}, "--max-drop: 2 is not allowed")],
)  # fmt: skip
def test_what_cannot_be_promoted_to_is_refused(wanted, message):
    with pytest.raises(UsageError, match=message):
        Wanted(**wanted)
