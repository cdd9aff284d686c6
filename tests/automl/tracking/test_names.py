from dataclasses import replace

from spaces import build, real

from automl.space.space import SearchSpace
from automl.tracking.names import ParameterNames

KEYS = ("train.lr", "flip.p", "turn.p")
SPACE = build({key: real(0.5, 0.0, 1.0) for key in KEYS})


def test_a_parameter_has_one_name_in_all_trials_whatever_else_they_have():
    names = ParameterNames(SPACE)
    assert names.of({"flip.p": 1, "train.lr": 2}) == {"flip.p": 1, "lr": 2}
    assert names.of(dict.fromkeys((*KEYS, "other.key"))).keys() == {
        "lr", "flip.p", "turn.p", "other.key",
    }  # fmt: skip


def test_ranked_names_have_the_order_of_the_overlay_by_the_alphabet_and_the_rest_after_it():
    space = SearchSpace(
        {key: replace(one, rank={"turn.p": 1, "train.lr": 2}.get(key, 0))
         for key, one in SPACE.parameters.items()}, {}
    )  # fmt: skip
    named = ParameterNames(space, is_ranked=True).of(dict.fromkeys(KEYS))
    assert sorted(named) == ["01 turn.p", "02 lr", "03 flip.p"]
