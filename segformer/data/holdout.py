"""Divides images into splits: seeded, by the classes they show, groups kept together."""

import random
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from segformer.data.layouts.base import TRAIN

By = Literal["group", "prefix", "file"]

_COUNTER = re.compile(r"[-_. ]*\d+$")


@dataclass(frozen=True)
class Item:
    """An image to be put into a split: its name, its group, and the codes of its mask."""

    name: str
    group: str
    codes: frozenset[int] = frozenset()


def prefix_of(stem: str) -> str:
    """Return a file name without the number at its end: the video of a frame."""
    return _COUNTER.sub("", stem) or stem


def divided(
    items: Sequence[Item], shares: Mapping[str, float], *, seed: int
) -> dict[str, list[str]]:
    """Return the names of each split of `shares`, and of `TRAIN`, which gets the rest.

    Iterative stratification (Sechidis, Tsoumakas and Vlahavas 2011) over groups: the rarest class
    is dealt out first, each group to the split that lacks most of it, since what is frequent can
    still be balanced at the end. The same items, shares and seed give the same splits.
    Raises `ValueError` if there are fewer groups than splits.
    """
    groups = _groups(items)
    splits = {**shares, TRAIN: 1 - sum(shares.values())}
    if len(groups) < len(splits):
        raise ValueError(f"{len(groups)} groups cannot make {len(splits)} splits")
    random.Random(seed).shuffle(groups)
    dealt = _Dealt(splits, groups)
    while groups:
        rarest = _rarest(groups)
        batch = [each for each in groups if rarest in each.counts] or groups
        for group in sorted(batch, key=lambda each: -each.size):  # The large ones fit worst later.
            dealt.put(group, rarest)
        names = {group.name for group in batch}
        groups = [each for each in groups if each.name not in names]
    dealt.fill_empty()
    return {
        split: sorted(name for group in dealt.groups[split] for name in group.members)
        for split in splits
    }


@dataclass(frozen=True)
class _Group:
    name: str
    members: tuple[str, ...]
    counts: Counter[int]
    """Images of the group by class that they show."""

    @property
    def size(self) -> int:
        return len(self.members)


class _Dealt:
    """The groups of each split, and how many images it still lacks, in all and of each class."""

    def __init__(self, shares: Mapping[str, float], groups: Sequence[_Group]) -> None:
        size = sum(group.size for group in groups)
        counts = sum((group.counts for group in groups), Counter[int]())
        self.groups: dict[str, list[_Group]] = {split: [] for split in shares}
        self._lacking = {split: share * size for split, share in shares.items()}
        self._lacking_of = {
            split: {code: share * count for code, count in counts.items()}
            for split, share in shares.items()
        }

    def put(self, group: _Group, code: int | None) -> None:
        """Give a group to the split that lacks most of a class, among those it fits into."""
        fitting = [s for s, lacking in self._lacking.items() if lacking >= group.size / 2]
        splits = fitting or [max(self._lacking, key=lambda s: self._lacking[s])]
        split = max(
            splits,
            key=lambda s: (0 if code is None else self._lacking_of[s][code], self._lacking[s]),
        )
        self.groups[split].append(group)
        self._lacking[split] -= group.size
        for each, count in group.counts.items():
            self._lacking_of[split][each] -= count

    def fill_empty(self) -> None:
        """Give each empty split the smallest group of the split with most groups."""
        for split, groups in self.groups.items():
            if not groups:
                richest = max(self.groups.values(), key=len)
                smallest = min(richest, key=lambda group: (group.size, group.name))
                richest.remove(smallest)
                self.groups[split].append(smallest)


def _groups(items: Iterable[Item]) -> list[_Group]:
    by_group: dict[str, list[Item]] = {}
    for item in sorted(items, key=lambda each: each.name):
        by_group.setdefault(item.group, []).append(item)
    return [
        _Group(
            name,
            tuple(each.name for each in members),
            Counter(code for each in members for code in each.codes),
        )
        for name, members in sorted(by_group.items())
    ]


def _rarest(groups: Sequence[_Group]) -> int | None:
    counts = Counter(code for group in groups for code in group.counts)
    return min(counts, key=lambda code: (counts[code], code)) if counts else None
