from collections import Counter

import pytest

from segformer.data.holdout import Item, divided, prefix_of


def items(count=100, groups=None):
    """Return items of which every tenth shows the rare class 9."""
    return [
        Item(
            f"{i:03}", groups(i) if groups else f"{i:03}", frozenset({0, 9} if i % 10 == 0 else {0})
        )
        for i in range(count)
    ]


def test_shares_are_kept_in_all_and_of_a_rare_class():
    splits = divided(items(), {"val": 0.2, "test": 0.1}, seed=0)
    assert {name: len(names) for name, names in splits.items()} == {
        "val": 20,
        "test": 10,
        "train": 70,
    }
    rare = Counter(name for name, names in splits.items() for each in names if each[-1] == "0")
    assert rare == {"val": 2, "test": 1, "train": 7}


def test_every_image_is_in_one_split():
    splits = divided(items(37), {"val": 0.15}, seed=3)
    assert sorted(name for names in splits.values() for name in names) == [
        f"{i:03}" for i in range(37)
    ]


def test_the_seed_alone_decides():
    one, same, other = (divided(items(), {"val": 0.2}, seed=seed) for seed in (1, 1, 2))
    assert one == same != other


def test_groups_stay_together():
    splits = divided(items(groups=lambda i: f"video{i // 7}"), {"val": 0.2}, seed=0)
    videos = [{int(name) // 7 for name in names} for names in splits.values()]
    assert not videos[0] & videos[1]
    assert 13 <= len(splits["val"]) <= 27


def test_a_share_too_small_for_an_image_still_gets_one():
    assert len(divided(items(3), {"val": 0.01}, seed=0)["val"]) == 1


def test_fewer_groups_than_splits_cannot_be_divided():
    with pytest.raises(ValueError, match="1 groups cannot make 2 splits"):
        divided(items(groups=lambda _: "one"), {"val": 0.2}, seed=0)


@pytest.mark.parametrize(
    ("stem", "prefix"),
    [("0001TP_006690", "0001TP"), ("frame 12", "frame"), ("cat", "cat"), ("007", "007")],
)
def test_a_prefix_is_the_name_without_its_number(stem, prefix):
    assert prefix_of(stem) == prefix
