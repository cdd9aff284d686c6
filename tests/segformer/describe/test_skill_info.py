import pytest

from segformer.describe.skill_info import skill_info
from segformer.errors import SpecError
from segformer.spec import ACTIONS, Spec
from segformer.spec.faults import leaf_keys
from segformer.spec.keys import SHORTHAND, full_keys, inputs


def test_every_key_named_is_a_field():
    info, known = skill_info(), set(leaf_keys(Spec))
    named = set(SHORTHAND.values()) | {info["epochs_key"], info["seed_key"]}
    for action in ACTIONS:
        named |= {*info["spec_params"][action], *info["data_sources"][action], *inputs(action, {})}
    assert named <= known


def test_short_names_and_sections_become_dotted_keys():
    given = {"learning_rate": 1, "train": {"seed": 2}, "model.backbone.type": "mit_b1"}
    assert full_keys(given) == {
        "train.optim.lr": 1,
        "train.seed": 2,
        "model.backbone.type": "mit_b1",
    }


def test_a_key_and_its_short_name_may_not_differ():
    with pytest.raises(SpecError, match="train.optim.lr: is given twice"):
        full_keys({"train.optim.lr": 1, "learning_rate": 2})
