"""The groups of dataset.json: images that stay in one split, as those of one patient."""

from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path

from segformer.errors import DataError


def groups_of(
    groups: Mapping[str, Sequence[str]], names: Sequence[str], *, where: Path
) -> list[str]:
    """Return the group of each image; one that no pattern fits is a group of its own.

    A pattern such as ``p1_*`` fits the path of an image below the data set, or its file name.
    Raises `DataError` for a pattern that fits no image, and for an image of two groups.
    """
    group_of: dict[str, str] = {}
    for group, patterns in groups.items():
        for pattern in patterns:
            fitting = [name for name in names if _fits(name, pattern)]
            if not fitting:
                raise DataError(f"{where}: groups.{group}: {pattern!r} fits no image")
            for name in fitting:
                if group_of.setdefault(name, group) != group:
                    raise DataError(
                        f"{where}: {name} is in the groups {group_of[name]!r} and {group!r}"
                    )
    # A name of an image is no name of a group: the prefix keeps them apart.
    return [f"group {group_of[name]}" if name in group_of else name for name in names]


def _fits(name: str, pattern: str) -> bool:
    return fnmatchcase(name, pattern) or fnmatchcase(name.rpartition("/")[2], pattern)
