import pytest

from automl.errors import UsageError
from automl.request.space import SpaceRequest
from automl.space.overlay.named import named_choices

STARTS = {
    "conv": {"set": {"kind": "a"}, "search": {"lr": {"prior": 1e-3}}},
    "former": {"set": {"kind": "b", "path": "b.pth"}, "search": {"lr": {"prior": 1e-5}}},
}
OFFERED = {"start": named_choices("start", {"choices": STARTS}, may_override=False, source="s")}


def chosen(tmp_path, overrides=(), *, is_search=True, **flags):
    return SpaceRequest(**flags).chosen(
        dict(overrides), skill="s", folder=tmp_path, shorthand={}, offered=OFFERED,
        is_search=is_search,
    )  # fmt: skip


def test_names_of_the_skill_are_searched_only_if_they_are_asked_for(tmp_path):
    assert chosen(tmp_path).named == {}
    assert list(chosen(tmp_path, searched={"start": "auto"}).named["start"].choices) == [
        "conv", "former",
    ]  # fmt: skip
    picked = chosen(tmp_path, searched={"start": "choice(former,conv)"}).named["start"]
    assert (list(picked.choices), picked.default) == (["former", "conv"], "former")


def test_a_name_that_is_set_sets_its_keys_and_gives_its_ranges(tmp_path):
    choice = chosen(tmp_path, {"start": "former"})
    assert choice.overrides == {"kind": "b", "path": "b.pth", "lr": 1e-5}
    assert (choice.named, choice.fixed) == ({}, {"kind", "path"})
    assert choice.entries["lr"].prior == 1e-5


def test_without_a_search_a_name_sets_its_priors_too(tmp_path):
    choice = chosen(tmp_path, fixed={"start": "conv"}, is_search=False)
    assert choice.overrides == {"kind": "a", "lr": 1e-3}
    assert choice.fixed == {"kind", "lr"} and not choice.entries


def test_settings_of_the_user_leave_the_names_that_agree(tmp_path):
    choice = chosen(tmp_path, {"kind": "b"}, searched={"start": "auto"})
    assert choice.overrides["path"] == "b.pth" and choice.named == {}
    assert choice.notes == (
        "start: conv left out, as they do not agree with kind=b",
        "start: all trials have former, the only choice",
    )


def test_a_range_of_the_user_wins_over_those_of_the_names(tmp_path):
    choice = chosen(tmp_path, searched={"start": "auto", "lr": "log(0.1,0.2)"})
    assert choice.entries["lr"].low == 0.1
    assert choice.named["start"].searched == frozenset()


@pytest.mark.parametrize(
    ("overrides", "searched", "message"),
    [
        ({"start": "convv"}, {}, "start: 'convv' is not one of conv, former"),
        ({}, {"start": "choice(conv,fomer)"}, "'fomer' is not one of .* did you mean former"),
        ({"kind": "z"}, {"start": "auto"}, "none of conv, former agrees with kind=z"),
        ({}, {"start": "log(1,2)"}, "names have choices, weights and a prior only"),
    ],
)
def test_names_that_are_wrong_are_refused(tmp_path, overrides, searched, message):
    with pytest.raises(UsageError, match=message):
        chosen(tmp_path, overrides, searched=searched)


def test_a_search_without_a_space_takes_the_default_one_of_the_skill(tmp_path):
    (tmp_path / "search_spaces").mkdir()
    (tmp_path / "search_spaces" / "usual.yaml").write_text("parameters: {lr: {fixed: 2}}")

    def overrides(default="usual", *, is_search=True, **flags):
        return SpaceRequest(**flags).chosen(
            {}, skill="s", folder=tmp_path, shorthand={}, default=default, is_search=is_search
        ).overrides  # fmt: skip

    (tmp_path / "own.yaml").write_text("parameters: {lr: {fixed: 3}}")
    assert overrides() == {"lr": 2}
    assert overrides(overlay=str(tmp_path / "own.yaml")) == {"lr": 3}
    assert overrides(is_search=False) == overrides(kept=("lr",)) == {}
    with pytest.raises(UsageError, match=r"^default_space of skill_info.yaml: 'usuall' is not one"):
        overrides("usuall")
