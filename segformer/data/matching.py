"""Matches the names of images and masks: equal stems, or one same change that makes them equal."""

import os
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".webp", ".tif", ".tiff", ".gif")
"""File names with these endings, in any case, are images or masks; others are passed over."""

_KINDS = r"masks?|labels?|seg|segmentation|semantic|gt|anno|annotation|ground[-_ ]?truth"
_ENDING = re.compile(rf"[-_. ]({_KINDS})$", re.IGNORECASE)
_MASK = re.compile(
    rf"^({_KINDS})[-_. ]|"
    rf"([-_. ]({_KINDS}|mask_\d+|gt(fine|coarse)_label(train)?ids)|_l)$",
    re.IGNORECASE,
)

_SECOND_EXTENSION = "a second extension"
_MATLAB = re.compile(r"^Label_\d+_")
"""What MATLAB's Image Labeler writes before the name of the image."""

Key = Callable[[str], str]


@dataclass(frozen=True)
class Matching:
    """Images with their masks, and the change of names that matched them ("" for equal stems)."""

    pairs: list[tuple[Path, Path]]
    change: str = ""

    def is_complete(self, images: Sequence[Path], masks: Sequence[Path]) -> bool:
        """Whether every one of these has a partner."""
        return len(self.pairs) == len(images) == len(masks)


def stem_of(path: Path) -> str:
    """Return the stem of a name in Unicode's form NFC: file systems differ in the form they keep.

    An umlaut is one character in NFC and two in NFD, which macOS writes.
    """
    return unicodedata.normalize("NFC", path.stem)


def matched(images: Sequence[Path], masks: Sequence[Path]) -> Matching:
    """Match by equal stems, else by the first change that gives every image and mask a partner.

    Without such a change, the pairs of equal stems are returned: few names that fit nowhere are
    faults of these names, and no reason to read the others in another way.
    """
    plain = Matching(_pairs_by(images, masks, stem_of_name, stem_of_name))
    if plain.is_complete(images, masks):
        return plain
    for change, image_key, mask_key in _changes(images, masks):
        changed = Matching(_pairs_by(images, masks, image_key, mask_key), change)
        if changed.is_complete(images, masks):
            return changed
    # Most masks of a set may have a suffix that a few lack; it still says more than no pair.
    best = max(
        (
            Matching(_pairs_by(images, masks, i, m), change)
            for change, i, m in _changes(images, masks)
        ),
        key=lambda matching: len(matching.pairs),
        default=Matching([]),
    )
    return best if not plain.pairs and best.pairs else plain


@dataclass(frozen=True)
class Forms:
    """Endings of the names of files that show one thing in several ways."""

    read: tuple[str, ...]
    """The forms that are read; the first that is there goes before the others."""
    ending: re.Pattern[str]


_RENDERINGS = (
    r"instance(?:Ids|TrainIds)?s?|panoptic|colou?r(?:ed|s)?|vi[sz]|overlays?|previews?|"
    r"blend(?:ed)?"
)
RENDERING = re.compile(rf"[-_. ](?:{_RENDERINGS})$", re.IGNORECASE)
"""The ending of a name that shows a mask in another way, beside the mask."""
MASK_FORMS = Forms(
    ("labelTrainIds", "labelIds", ""),
    re.compile(rf"[-_. ](labelTrainIds|labelIds|{_RENDERINGS})$", re.IGNORECASE),
)
IMAGE_FORMS = Forms(
    ("rgb", "color", "colour", ""),
    re.compile(
        r"[-_. ](rgb|colou?r|depth|disparity|nir|ir|infrared|thermal|lidar|dsm)$", re.IGNORECASE
    ),
)


def in_one_form(paths: Sequence[Path], known: Forms) -> tuple[list[Path], list[str]]:
    """Return files that are there in several forms in one, and the endings of those left out.

    Each must have the same forms, as a.png and a_color.png; else nothing is left out.
    """
    forms: dict[str, dict[str, Path]] = {}
    for path in paths:
        stem = stem_of(path)
        found = known.ending.search(stem)
        name = found.group(1) if found else ""
        forms.setdefault(stem.removesuffix(found.group()) if found else stem, {})[name] = path
    every = {tuple(sorted(each)) for each in forms.values()}
    is_one_each = sum(map(len, forms.values())) == len(paths)
    if not is_one_each or len(every) != 1 or len(names := every.pop()) < 2:
        return list(paths), []
    by_case = {name.casefold(): name for name in names}
    kept = next(
        (by_case[form.casefold()] for form in known.read if form.casefold() in by_case), None
    )
    if kept is None:
        return list(paths), []
    return [each[kept] for each in forms.values()], [name for name in names if name != kept]


def is_named_a_mask(path: Path) -> bool:
    """Whether a name says that the file is a mask, as a_mask.png, mask_1.png and a_L.png do."""
    return bool(_MASK.search(stem_of(path)))


def stem_of_name(stem: str) -> str:
    """Return a stem as it is: the key of files that match by equal stems."""
    return stem


def _changes(images: Sequence[Path], masks: Sequence[Path]) -> list[tuple[str, Key, Key]]:
    image_stems, mask_stems = [stem_of(p) for p in images], [stem_of(p) for p in masks]
    image_affixes = affixes_of(map(_bare, image_stems))
    mask_affixes = affixes_of(map(_bare, mask_stems))
    if len(images) == len(masks) == 1 and (rest := _rest(*image_stems, *mask_stems)):
        image_affixes, mask_affixes = ("", ""), ("", rest)

    def image_key(stem: str) -> str:
        return without(_bare(stem), image_affixes)

    def mask_key(stem: str) -> str:
        return without(_bare(stem), mask_affixes)

    affixes = _described(image_affixes, mask_affixes)
    beside = "" if affixes == _SECOND_EXTENSION else f"{affixes}, "
    return [
        ("letters of another case", str.casefold, str.casefold),
        (_SECOND_EXTENSION, _bare, _bare),
        (affixes, image_key, mask_key),
        (
            f"{beside}letters of another case",
            lambda stem: image_key(stem).casefold(),
            lambda stem: mask_key(stem).casefold(),
        ),
        (
            f"{beside}numbers without zeros before them",
            lambda stem: _unpadded(image_key(stem)),
            lambda stem: _unpadded(mask_key(stem)),
        ),
        ("MATLAB's Label_1_", _bare, lambda stem: re.sub(_MATLAB, "", _bare(stem))),
        ("a word such as _mask", _bare, lambda stem: re.sub(_ENDING, "", _bare(stem))),
    ]


def _pairs_by(
    images: Sequence[Path], masks: Sequence[Path], image_key: Key, mask_key: Key
) -> list[tuple[Path, Path]]:
    """Return the pairs whose keys are equal and belong to one image and one mask alone."""
    by_key = _unique(masks, mask_key)
    return [
        (image, by_key[key]) for key, image in _unique(images, image_key).items() if key in by_key
    ]


def _unique(paths: Iterable[Path], key_of: Key) -> dict[str, Path]:
    keys = {path: key_of(stem_of(path)) for path in paths}
    counts = Counter(keys.values())
    return {key: path for path, key in keys.items() if counts[key] == 1}


def _bare(stem: str) -> str:
    """Return a stem without further extensions of images: 001.jpg for the name 001.jpg.png."""
    while Path(stem).suffix.lower() in SUFFIXES:
        stem = Path(stem).stem
    return stem


def _unpadded(stem: str) -> str:
    return re.sub(r"\d+", lambda number: str(int(number.group())), stem)


def affixes_of(stems: Iterable[str]) -> tuple[str, str]:
    """Return what all stems begin and end with, digits aside: numbers that look alike are names."""
    names = list(stems)
    if len(names) < 2:
        return "", ""
    prefix = os.path.commonprefix(names)
    suffix = os.path.commonprefix([name[::-1] for name in names])[::-1]
    head = re.match(r".*\D", prefix)
    tail = re.search(r"[\W_].*|[^\W\d_].*", suffix)
    return head.group() if head else "", tail.group() if tail else ""


def without(stem: str, affixes: tuple[str, str]) -> str:
    """Return a stem less the beginning and the end that all of them have."""
    prefix, suffix = affixes
    return stem.removeprefix(prefix).removesuffix(suffix)


def _rest(image: str, mask: str) -> str:
    return _bare(mask).removeprefix(_bare(image)) if _bare(mask).startswith(_bare(image)) else ""


def _described(image: tuple[str, str], mask: tuple[str, str]) -> str:
    parts = [
        f'"{text}" at the {place} of {kind}'
        for kind, affixes, other in (("images", image, mask), ("masks", mask, image))
        for place, text, same in zip(("beginning", "end"), affixes, other, strict=True)
        if text and text != same
    ]
    return " and ".join(parts) or _SECOND_EXTENSION
