"""Corrupts a copy of the generated sample set, by seed, and knows what must come of it.

HARMFUL: has to be refused, with one of the names that the corruption gives. HARMLESS: the pixels
are still known, and where the set is accepted, they must be what is trained on. UNDETECTABLE: no
reader can know, as for two masks of one size that changed places; what the files hold now must be
what is trained on.
"""

import os
import shutil
import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from PIL import Image

from segformer.data.sample import write_sample

HARMFUL, HARMLESS, UNDETECTABLE = "harmful", "harmless", "undetectable"
COUNTS = {"train": 6, "val": 3, "test": 2}

Pixels = NDArray[np.uint8]


@dataclass
class Truth:
    """What a pair must be read as; the image up to a mean difference."""

    image: Pixels
    ids: Pixels
    tolerance: float = 0.0


@dataclass
class Case:
    """A data set that is being corrupted."""

    folder: Path
    draw: Generator
    truth: dict[tuple[str, str], Truth] = field(default_factory=dict)
    done: list[tuple[str, str, tuple[str, ...]]] = field(default_factory=list)
    """Corruption, what must come of it, and the names of which the refusal gives one."""
    untouched: list[tuple[str, str]] = field(default_factory=list)

    def pick(self, split: str = "") -> tuple[str, str]:
        """Return the split and stem of a pair that nothing was done to."""
        choices = [pair for pair in self.untouched if split in ("", pair[0])]
        pair = choices[self.draw.integers(len(choices))]
        self.untouched.remove(pair)
        return pair

    def image(self, pair: tuple[str, str]) -> Path:
        """Return the image file of a pair."""
        return self.folder / "images" / pair[0] / f"{pair[1]}.png"

    def mask(self, pair: tuple[str, str]) -> Path:
        """Return the mask file of a pair."""
        return self.folder / "masks" / pair[0] / f"{pair[1]}.png"

    @property
    def is_harmful(self) -> bool:
        """Whether the set has to be refused."""
        return any(expected == HARMFUL for _, expected, _ in self.done)


Corruption = Callable[[Case], tuple[str, ...]]
_ON_PAIRS: list[tuple[str, Corruption]] = []
_ON_SETS: list[tuple[str, Corruption]] = []


def write_base(folder: Path) -> Path:
    """Write the sample set, cut down to a few pairs a split."""
    write_sample(folder, seed=0)
    for kind in ("images", "masks"):
        for split, count in COUNTS.items():
            for path in sorted((folder / kind / split).iterdir())[count:]:
                path.unlink()
    return folder


def corrupted(base: Path, folder: Path, *, seed: int) -> Case:
    """Copy the set and corrupt the copy: one thing, or two things in different pairs."""
    shutil.copytree(base, folder)
    draw = np.random.default_rng(seed)
    case = Case(folder, draw)
    for split in COUNTS:
        for path in sorted((folder / "masks" / split).iterdir()):
            pair = (split, path.stem)
            image, ids = (np.asarray(Image.open(p)) for p in (case.image(pair), path))
            case.truth[pair] = Truth(image, ids)
            case.untouched.append(pair)
    kinds = _ON_PAIRS + _ON_SETS
    # Every kind has its turn; then a second one on another pair for a third of the sets.
    chosen = [kinds[seed % len(kinds)]]
    if chosen[0] in _ON_PAIRS and draw.random() < 1 / 3:
        chosen.append(_ON_PAIRS[draw.integers(len(_ON_PAIRS))])
    for expected, corruption in chosen:
        case.done.append((corruption.__name__, expected, corruption(case)))
    return case


def kinds() -> list[str]:
    """Return the names of all corruptions."""
    return [corruption.__name__ for _, corruption in _ON_PAIRS + _ON_SETS]


def on_a_pair(expected: str) -> Callable[[Corruption], Corruption]:
    return lambda corruption: _ON_PAIRS.append((expected, corruption)) or corruption


def on_the_set(expected: str) -> Callable[[Corruption], Corruption]:
    return lambda corruption: _ON_SETS.append((expected, corruption)) or corruption


def either(case: Case) -> Path:
    """Return the image or the mask of a pair that nothing was done to."""
    pair = case.pick()
    return case.image(pair) if case.draw.random() < 0.5 else case.mask(pair)


def name_of(path: Path) -> str:
    return f"{path.parent.name}/{path.name}"


# Files that are not there, or under another name.


@on_a_pair(HARMFUL)
def a_file_is_dropped(case):
    path = either(case)
    path.unlink()
    return (f"{path.parent.name}/{path.stem}",)


@on_a_pair(HARMFUL)
def a_file_is_renamed(case):
    path = either(case)
    path.rename(path.with_name("other_name.png"))
    return (path.name, "other_name.png")


@on_a_pair(HARMFUL)
def a_file_has_no_image_suffix(case):
    path = either(case)
    path.rename(path.with_suffix(".dat"))
    return (name_of(path),)


@on_a_pair(HARMFUL)
def a_folder_stands_for_a_file(case):
    path = either(case)
    path.unlink()
    path.mkdir()
    return (name_of(path),)


@on_a_pair(HARMFUL)
def a_link_leads_nowhere(case):
    path = either(case)
    path.unlink()
    path.symlink_to(case.folder / "nowhere.png")
    return (name_of(path),)


@on_a_pair(HARMFUL)
def a_pipe_stands_for_a_file(case):
    path = either(case)
    path.unlink()
    os.mkfifo(path)
    return (name_of(path),)


@on_a_pair(HARMFUL)
def a_stem_is_there_twice(case):
    path = either(case)
    Image.open(path).convert("RGB").save(path.with_suffix(".bmp"))
    return (path.with_suffix("").name,)


@on_a_pair(HARMLESS)
def a_pair_is_renamed_together(case):
    pair = case.pick()
    for path in (case.image(pair), case.mask(pair)):
        path.rename(path.with_name("a.new näme.png"))
    case.truth[pair[0], "a.new näme"] = case.truth.pop(pair)
    return ()


@on_a_pair(HARMLESS)
def a_pair_is_passed_over(case):
    pair = case.pick("train")
    for path in (case.image(pair), case.mask(pair)):
        path.rename(path.with_suffix(".txt"))
    del case.truth[pair]
    return ()


@on_a_pair(HARMLESS)
def a_suffix_is_in_capitals(case):
    path = either(case)
    path.rename(path.with_suffix(".PNG"))
    return ()


@on_a_pair(HARMLESS)
def other_files_lie_about(case):
    path = either(case)
    for name in ("Thumbs.db", ".DS_Store", "readme.txt", ".hidden.png"):
        (path.parent / name).write_bytes(b"nothing")
    return ()


@on_a_pair(HARMLESS)
def a_link_leads_to_the_file(case):
    path = either(case)
    path.rename(case.folder / path.name)
    path.symlink_to(case.folder / path.name)
    return ()


# Bytes.


@on_a_pair(HARMFUL)
def a_file_is_cut(case):
    path = either(case)
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * case.draw.uniform(0, 0.98))])
    return (name_of(path),)


@on_a_pair(HARMFUL)
def a_byte_is_another(case):
    path = either(case)
    content = bytearray(path.read_bytes())
    content[case.draw.integers(8, len(content) - 12)] ^= 1 << case.draw.integers(8)
    path.write_bytes(content)
    return (name_of(path),)


@on_a_pair(HARMFUL)
def a_file_is_text(case):
    path = either(case)
    path.write_text("<html>404 Not Found</html>")
    return (name_of(path),)


@on_a_pair(HARMFUL)
def a_file_is_zeros(case):
    path = either(case)
    path.write_bytes(bytes(path.stat().st_size))
    return (name_of(path),)


@on_a_pair(HARMFUL)
def a_file_claims_a_huge_size(case):
    path = either(case)
    header = struct.pack(">IIBBBBB", 90_000, 90_000, 8, 0, 0, 0, 0)
    chunk = b"IHDR" + header
    content = path.read_bytes()
    path.write_bytes(content[:12] + chunk + struct.pack(">I", zlib.crc32(chunk)) + content[33:])
    return (name_of(path),)


@on_a_pair(HARMLESS)
def bytes_follow_the_picture(case):
    path = either(case)
    path.write_bytes(path.read_bytes() + b"trailing bytes" * 9)
    return ()


# Files in each other's place.


@on_a_pair(UNDETECTABLE)
def two_masks_change_places(case):
    one, other = case.pick("train"), case.pick("train")
    _swap(case.mask(one), case.mask(other))
    a, b = case.truth[one], case.truth[other]
    a.ids, b.ids = b.ids, a.ids
    return ()


@on_a_pair(UNDETECTABLE)
def two_images_change_places(case):
    one, other = case.pick("train"), case.pick("train")
    _swap(case.image(one), case.image(other))
    a, b = case.truth[one], case.truth[other]
    a.image, b.image = b.image, a.image
    return ()


@on_a_pair(HARMFUL)
def an_image_and_its_mask_change_places(case):
    pair = case.pick()
    _swap(case.image(pair), case.mask(pair))
    return (name_of(case.mask(pair)),)


@on_a_pair(HARMFUL)
def a_file_is_a_copy_of_its_partner(case):
    pair = case.pick()
    files = [case.image(pair), case.mask(pair)]
    if case.draw.random() < 0.5:
        files.reverse()
    shutil.copy(*files)
    return (name_of(files[0]), name_of(files[1]))


def _swap(one: Path, other: Path) -> None:
    a, b = one.read_bytes(), other.read_bytes()
    one.write_bytes(b)
    other.write_bytes(a)
