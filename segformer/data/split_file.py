"""split.json: which images of a data set without a validation split are held out."""

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from os import cpu_count
from pathlib import Path
from typing import Any

import numpy as np

from segformer.data.depth import bits_in_use
from segformer.data.description import groups_described
from segformer.data.groups import groups_of
from segformer.data.holdout import By, Item, divided, prefix_of
from segformer.data.images import pictures_in, read_image
from segformer.data.layouts.base import TEST, TRAIN, VAL
from segformer.data.layouts.names import split_of
from segformer.data.leaks.leaks import Leak, SplitImage, leaks_of
from segformer.data.leaks.thumbnail import thumbnail
from segformer.data.pairs import Pair
from segformer.data.palette import colour_codes
from segformer.errors import DataError, closest
from segformer.storage.atomic import replacing
from segformer.storage.staging import FILE_NAME, SPLIT_FILE, cache_folder

VAL_SHARE = 0.15
SEED = 0
"""The share that is held out, and the seed, of a data set for which nobody asked for a split."""

_SPLITS = (TRAIN, VAL, TEST)
_KEYS = (*_SPLITS, "seed", "by", "note")

_ALL_ALIKE = (
    "too many images are nearly the same to keep them together: scores on what is held out are too "
    "good"
)

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class SplitFile:
    """The names of images by split, at least of `VAL`, and how they were chosen."""

    path: Path
    names: Mapping[str, Sequence[str]]
    seed: int
    by: str
    note: str = ""
    """What the reader should know of how they were chosen."""

    @classmethod
    def read(cls, path: Path) -> "SplitFile":
        """Read a file that `write` wrote, or a person; raises `DataError`."""
        try:
            content = json.loads(path.read_text("utf-8-sig"))
            _check_keys(content)
            names = {split: _names(content, split) for split in _SPLITS if split in content}
            if not names.get(VAL):
                raise ValueError(f'"{VAL}" names no images')
            seed, by = content.get("seed", 0), content.get("by", "file")
            # An empty list of what to train on is no wish to train on the rest.
            names = {split: listed for split, listed in names.items() if listed or split == TRAIN}
            return cls(path, names, seed, by, str(content.get("note", "")))
        except (OSError, UnicodeDecodeError, ValueError, RecursionError) as error:
            raise DataError(
                f'{path}: wants "{VAL}": a list of image files, and "{TEST}" and "{TRAIN}" if they '
                f"are listed too ({error}); write it anew with: automl data split {path.parent}"
            ) from None

    def write(self) -> None:
        """Write the file; raises `OSError`."""
        content = {**self.names, "seed": self.seed, "by": self.by}
        content |= {"note": self.note} if self.note else {}
        with replacing(self.path) as part:
            part.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", "utf-8")

    def applied(self, pairs: Sequence[Pair], root: Path) -> dict[str, list[Pair]]:
        """Return the pairs by split; names may be paths below `root`, file names or stems.

        Those it does not name are training pairs, or left out where it lists those.
        """
        by_name = {name_of(pair, root): pair for pair in pairs}
        whole = _whole_names(by_name)
        named_by = {s: [whole.get(_plain(n), n) for n in names] for s, names in self.names.items()}
        names_of_all = [name for names in named_by.values() for name in names]
        absent = [name for name in names_of_all if name not in by_name]
        if absent:
            example = f", as {next(iter(by_name))}" if by_name else ""
            raise DataError(
                f"{self.path}: names {len(absent)} images that are not there, or that several may "
                f"be: {', '.join(absent[:3])}; give paths below {root}{example}, or write it anew "
                f"with: automl data split {root}"
            )
        if doubled := [name for name, count in Counter(names_of_all).items() if count > 1]:
            raise DataError(
                f"{self.path}: names {len(doubled)} images more than once: {', '.join(doubled[:3])}"
            )
        splits = {split: [by_name[name] for name in names] for split, names in named_by.items()}
        named = {*names_of_all}
        rest = [pair for name, pair in by_name.items() if name not in named]
        return {TRAIN: rest, **splits}

    def left_out(self, count: int) -> str:
        """Return words on those of `count` images that are in no list, if they are left out."""
        others = count - sum(map(len, self.names.values())) if TRAIN in self.names else 0
        return f"{others} images are in none of its lists and are left out" if others else ""


def _check_keys(content: object) -> None:
    if not isinstance(content, Mapping):
        raise ValueError("it is no object")
    for key in content:
        if key not in _KEYS:
            near = split_of(key) or closest(key, _KEYS)
            hint = f'did you mean "{near}"?' if near else f"there are {', '.join(_KEYS)}"
            raise ValueError(f"unknown key {key!r}; {hint}")


def _names(content: Mapping[str, Any], split: str) -> list[str]:
    names = content[split]
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise ValueError(f'"{split}" is {names!r:.60}, not a list of texts')
    return names


def held_out(root: Path, pairs: Sequence[Pair]) -> SplitFile:
    """Return the split of a data set that has none: its split.json, else one that is made now."""
    for path in (root / SPLIT_FILE, _in_cache(root)):
        if path.is_file():
            return SplitFile.read(path)
    by: By = "group" if groups_described(root) else "file"
    return made(root, pairs, shares={VAL: VAL_SHARE}, by=by, seed=SEED)


def kept(split: SplitFile) -> SplitFile:
    """Write a split that is not on disk, and return it with the path of its file.

    A folder that cannot be written has its split in the cache. It would be made the same again.
    """
    if split.path.is_file():
        return split
    try:
        split.write()
    except OSError:
        split = replace(split, path=_in_cache(split.path.parent))
        split.write()
    return split


def made(
    root: Path,
    pairs: Sequence[Pair],
    *,
    shares: Mapping[str, float],
    by: By,
    seed: int,
    progress: Progress | None = None,
) -> SplitFile:
    """Divide pairs as `holdout.divided` does; raises `DataError` if it cannot be done.

    Images that are equal or nearly the same stay together. If that leaves too few groups, as of a
    camera that never moves, only equal ones do, and the note of the result says so.
    """
    images, codes = _compared(pairs, progress)
    leaks = leaks_of(images, progress=progress).pairs
    groups = _named_groups(root, pairs, by)
    equal = _merged(groups, pairs, [leak for leak in leaks if leak.is_exact])
    for merged, note in ((_merged(equal, pairs, leaks), ""), (equal, _ALL_ALIKE)):
        items = [
            Item(name_of(pair, root), group, present)
            for pair, group, present in zip(pairs, merged, codes, strict=True)
        ]
        try:
            names = divided(items, shares, seed=seed)
        except ValueError:
            continue
        del names[TRAIN]
        return SplitFile(root / SPLIT_FILE, names, seed, by, note)
    raise DataError(f"{root}: {_too_few(pairs, len(set(equal)), len(shares) + 1, by)}")


def _too_few(pairs: Sequence[Pair], groups: int, splits: int, by: By) -> str:
    images = len(pairs)
    if by != "file":
        group = f"{groups} group{'s' * (groups != 1)}"
        return f"by {by}, {images} images are {group}, too few for {splits} splits; use --by file"
    different = f", of which {groups} differ," if groups < images else ""
    in_stacks = max(pictures_in(pair.image) for pair in pairs)
    way_out = (
        f", or take the stack of {in_stacks} pictures apart with automl data import"
        if in_stacks > 1
        else ""
    )
    return (
        f"{images} images with masks{different} are too few for {splits} splits; a validation split"
        f" needs an image of its own: add images{way_out}"
    )


def name_of(pair: Pair, root: Path) -> str:
    """Return the name of an image in split.json: its path below the data set."""
    image = pair.image
    return (image.relative_to(root) if image.is_relative_to(root) else image).as_posix()


def _whole_names(names: Iterable[str]) -> dict[str, str]:
    """Return the names of images by what may stand for one of them alone: itself, file or stem."""
    every = list(names)
    shorter = [(end, name) for name in every for end in {Path(name).name, Path(name).stem}]
    counts = Counter(end for end, _ in shorter)
    return {end: name for end, name in shorter if counts[end] == 1} | {n: n for n in every}


def _plain(name: str) -> str:
    return name.replace("\\", "/").removeprefix("./")


def _named_groups(root: Path, pairs: Sequence[Pair], by: By) -> list[str]:
    if by == "file":
        return [name_of(pair, root) for pair in pairs]
    if by == "prefix":
        return [prefix_of(pair.stem) for pair in pairs]
    if described := groups_described(root):
        names = [name_of(pair, root) for pair in pairs]
        return groups_of(described, names, where=root / FILE_NAME)
    return [pair.image.parent.as_posix() for pair in pairs]


def _merged(groups: Sequence[str], pairs: Sequence[Pair], leaks: Iterable[Leak]) -> list[str]:
    """Return the group of each pair, where the groups of images that show the same are one."""
    group_of = {pair.image: group for pair, group in zip(pairs, groups, strict=True)}
    above: dict[str, str] = {}
    for leak in leaks:
        one, other = (_top(above, group_of[each.path]) for each in (leak.first, leak.second))
        if one != other:
            above[other] = one
    return [_top(above, group) for group in groups]


def _top(above: Mapping[str, str], group: str) -> str:
    while group in above:
        group = above[group]
    return group


def _compared(
    pairs: Sequence[Pair], progress: Progress | None
) -> tuple[list[SplitImage], list[frozenset[int]]]:
    """Return what images are compared by, without those that cannot be read, and masks' codes."""
    bits = bits_in_use([pair.image for pair in pairs], bands="any")
    images, codes = [], []
    with ThreadPoolExecutor(max_workers=min(8, cpu_count() or 1)) as pool:
        read = pool.map(lambda pair: (_split_image(pair, bits), _codes(pair)), pairs)
        for done, (image, present) in enumerate(read, start=1):
            images += [image] if image is not None else []
            codes.append(present)
            if progress:
                progress(done, len(pairs))
    return images, codes


def _split_image(pair: Pair, bits: int) -> SplitImage | None:
    try:
        digest = hashlib.sha256(pair.image.read_bytes()).hexdigest()
        image = read_image(pair.image, bits=bits, bands="any")
        return SplitImage("", pair.image, digest, thumbnail(image))
    except (DataError, OSError):
        return None  # The check names it.


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
