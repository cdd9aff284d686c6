"""split.json: which images of a data set without a validation split are held out."""

import hashlib
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from os import cpu_count
from pathlib import Path

import numpy as np

from segformer.data.holdout import By, Item, divided, prefix_of
from segformer.data.layouts.base import TEST, TRAIN, VAL
from segformer.data.pairs import Pair
from segformer.data.palette import colour_codes
from segformer.errors import DataError
from segformer.storage.atomic import replacing
from segformer.storage.staging import SPLIT_FILE, cache_folder

VAL_SHARE = 0.15
SEED = 0
"""The share that is held out, and the seed, of a data set for which nobody asked for a split."""


@dataclass(frozen=True)
class SplitFile:
    """The names of the images of `VAL` and `TEST`, and how they were chosen."""

    path: Path
    names: Mapping[str, Sequence[str]]
    seed: int
    by: str

    @classmethod
    def read(cls, path: Path) -> "SplitFile":
        """Read a file that `write` wrote, or a person; raises `DataError`."""
        try:
            content = json.loads(path.read_text("utf-8-sig"))
            names = {split: [str(name) for name in content.get(split, ())] for split in (VAL, TEST)}
            if not names[VAL]:
                raise ValueError(f'"{VAL}" names no images')
            seed, by = content.get("seed", 0), content.get("by", "file")
            return cls(path, {k: v for k, v in names.items() if v}, seed, by)
        except (OSError, UnicodeDecodeError, ValueError, AttributeError, TypeError) as error:
            raise DataError(
                f'{path}: wants "{VAL}": a list of image files, and "{TEST}" if there is one '
                f"({error}); write it anew with: automl data split {path.parent}"
            ) from None

    def write(self) -> None:
        """Write the file; raises `OSError`."""
        content = {**self.names, "seed": self.seed, "by": self.by}
        with replacing(self.path) as part:
            part.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", "utf-8")

    def applied(self, pairs: Sequence[Pair], root: Path) -> dict[str, list[Pair]]:
        """Return the pairs by split: those it does not name are training pairs."""
        by_name = {name_of(pair, root): pair for pair in pairs}
        names_of_all = [name for names in self.names.values() for name in names]
        absent = [name for name in names_of_all if name not in by_name]
        if absent:
            raise DataError(
                f"{self.path}: names {len(absent)} images that do not exist: "
                f"{', '.join(absent[:3])}; write it anew with: automl data split {root}"
            )
        if doubled := [name for name, count in Counter(names_of_all).items() if count > 1]:
            raise DataError(
                f"{self.path}: names {len(doubled)} images more than once: {', '.join(doubled[:3])}"
            )
        splits = {split: [by_name[name] for name in names] for split, names in self.names.items()}
        rest = [pair for name, pair in by_name.items() if name not in {*names_of_all}]
        return {TRAIN: rest, **splits}


def held_out(root: Path, pairs: Sequence[Pair]) -> SplitFile:
    """Return the split of a data set that has none: its split.json, else one that is made now.

    A folder that cannot be written has its split in the cache; it would be made the same again.
    """
    places = [root / SPLIT_FILE, _in_cache(root)]
    for path in places:
        if path.is_file():
            return SplitFile.read(path)
    split = made(root, pairs, shares={VAL: VAL_SHARE}, by="file", seed=SEED)
    try:
        split.write()
    except OSError:
        split = SplitFile(places[1], split.names, split.seed, split.by)
        split.write()
    return split


def made(
    root: Path, pairs: Sequence[Pair], *, shares: Mapping[str, float], by: By, seed: int
) -> SplitFile:
    """Divide pairs as `holdout.divided` does; raises `DataError` if it cannot be done."""
    groups = _groups(root, pairs, by)
    with ThreadPoolExecutor(max_workers=min(8, cpu_count() or 1)) as pool:
        codes = list(pool.map(_codes, pairs))
    items = [
        Item(name_of(pair, root), group, present)
        for pair, group, present in zip(pairs, groups, codes, strict=True)
    ]
    try:
        names = divided(items, shares, seed=seed)
    except ValueError:
        count = len(set(groups))
        raise DataError(
            f"{root}: by {by}, {len(pairs)} images are {count} group{'s' * (count != 1)}, too few "
            f"for {len(shares) + 1} splits"
            + ("; use --by file" if by != "file" else " (equal images are one)")
        ) from None
    del names[TRAIN]
    return SplitFile(root / SPLIT_FILE, names, seed, by)


def name_of(pair: Pair, root: Path) -> str:
    """Return the name of an image in split.json: its path below the data set."""
    image = pair.image
    return (image.relative_to(root) if image.is_relative_to(root) else image).as_posix()


def _groups(root: Path, pairs: Sequence[Pair], by: By) -> list[str]:
    """Return the group of each pair; images that are equal byte for byte share one."""
    if by == "file":
        names = [name_of(pair, root) for pair in pairs]
    elif by == "prefix":
        names = [prefix_of(pair.stem) for pair in pairs]
    else:
        names = [pair.image.parent.as_posix() for pair in pairs]
    first: dict[str, str] = {}
    merged: dict[str, str] = {}
    for pair, name in zip(pairs, names, strict=True):
        try:
            digest = hashlib.sha256(pair.image.read_bytes()).hexdigest()
        except OSError:
            continue
        twin = first.setdefault(digest, name)
        if _root_of(merged, twin) != _root_of(merged, name):
            merged[_root_of(merged, name)] = _root_of(merged, twin)
    return [_root_of(merged, name) for name in names]


def _root_of(merged: Mapping[str, str], name: str) -> str:
    while name in merged:
        name = merged[name]
    return name


def _codes(pair: Pair) -> frozenset[int]:
    """Return the values or colours of a mask as stored; none for one that cannot be read."""
    try:
        values = pair.read_mask().values
    except DataError:
        return frozenset()
    flat = colour_codes(values) if values.ndim == 3 else values
    return frozenset(np.unique(flat).tolist())


def _in_cache(root: Path) -> Path:
    name = hashlib.sha256(str(root.resolve()).encode("utf-8", "surrogateescape")).hexdigest()[:16]
    return cache_folder() / "splits" / f"{name}.json"
