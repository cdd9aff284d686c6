"""Writes generated data sets: three kinds of textured cells on a noisy ground."""

import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from PIL import Image

from segformer.errors import SpecError, nearest
from segformer.storage.staging import FILE_NAME

SIZE = 128
COUNTS = {"train": 48, "val": 16, "test": 8}

Map = NDArray[np.float64]


@dataclass(frozen=True)
class _Cell:
    """One class of cell: how many, how large (pixels), its colour and its texture in [-1, 1]."""

    name: str
    counts: tuple[int, int]
    radii: tuple[float, float]
    colour: tuple[float, float, float]
    texture: Callable[[Map, Map, Map, Generator], Map]


@dataclass(frozen=True)
class _Kind:
    """One kind of data set: its title and its classes beside the ground."""

    title: str
    cells: tuple[_Cell, ...]


def write_sample(folder: Path, *, seed: int, kind: str = "cells") -> None:
    """Write images/<split>, masks/<split> and dataset.json; the same files for the same seed.

    Raises `SpecError` for an unknown kind, and if the folder holds anything but this data set.
    """
    if kind not in KINDS:
        raise SpecError(f"--kind: {kind!r} is not one of {', '.join(KINDS)}{nearest(kind, KINDS)}")
    text = json.dumps(_description(kind, seed), indent=1) + "\n"
    description = folder / FILE_NAME
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        is_ours = description.is_file() and description.read_text(encoding="utf-8") == text
        if not is_ours:
            raise SpecError(f"{folder}: is not empty; give a new folder for the generated data")
    folder.mkdir(parents=True, exist_ok=True)
    description.write_text(text, encoding="utf-8")
    for number, (split, count) in enumerate(COUNTS.items()):
        for part in ("images", "masks"):
            (folder / part / split).mkdir(parents=True, exist_ok=True)
        for index in range(count):
            image, mask = sample_pair(np.random.default_rng([seed, number, index]), kind)
            Image.fromarray(image).save(folder / "images" / split / f"{kind}_{index:03d}.png")
            Image.fromarray(mask).save(folder / "masks" / split / f"{kind}_{index:03d}.png")


def sample_pair(
    draw: Generator, kind: str = "cells"
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Return one generated image SxSx3 and its mask SxS of class ids."""
    ground = np.array([0.46, 0.42, 0.40]) + draw.normal(0, 0.03, 3)
    image = ground + 0.10 * _clouds(draw, 6)[..., None] + 0.05 * _clouds(draw, 24)[..., None]
    mask = np.zeros((SIZE, SIZE), dtype=np.uint8)
    for label_id, cell in enumerate(KINDS[kind].cells, start=1):
        for _ in range(draw.integers(*cell.counts, endpoint=True)):
            _paint(image, mask, cell, label_id, draw)
    rows, columns = np.mgrid[0:SIZE, 0:SIZE] / SIZE - 0.5
    slope = draw.normal(0, 0.25, 2)
    image *= (1 + slope[0] * rows + slope[1] * columns)[..., None]  # Uneven light.
    image += draw.normal(0, 0.06, image.shape)
    return (image.clip(0, 1) * 255).astype(np.uint8), mask


def _paint(
    image: Map, mask: NDArray[np.uint8], cell: _Cell, label_id: int, draw: Generator
) -> None:
    """Paint one cell with a ragged border over the image."""
    centre = draw.uniform(0, SIZE, 2)
    rows, columns = np.mgrid[0:SIZE, 0:SIZE].astype(np.float64)
    rows, columns = rows - centre[0], columns - centre[1]
    angle = draw.uniform(0, math.pi)
    along = rows * math.cos(angle) + columns * math.sin(angle)
    across = columns * math.cos(angle) - rows * math.sin(angle)
    radius = draw.uniform(*cell.radii)
    distance = np.hypot(along, across * draw.uniform(1.0, 1.5)) / radius
    turn = np.arctan2(across, along)
    for waves in range(2, 8):
        distance += draw.normal(0, 0.16 / waves) * np.cos(waves * turn + draw.uniform(0, 6.3))
    distance += 0.05 * _clouds(draw, 40)
    inside = distance < 1
    colour = np.array(cell.colour) + draw.normal(0, 0.05, 3)
    paint = colour + 0.16 * cell.texture(along, across, distance, draw)[..., None]
    image[inside] = paint[inside]
    mask[inside] = label_id


def _stripes(along: Map, across: Map, distance: Map, draw: Generator) -> Map:
    return np.sin(2 * math.pi * along / draw.uniform(7, 11) + draw.uniform(0, 6.3))


def _spots(along: Map, across: Map, distance: Map, draw: Generator) -> Map:
    period = draw.uniform(7, 10)
    bumps = np.cos(2 * math.pi * along / period) + np.cos(2 * math.pi * across / period)
    return np.where(bumps > 0.7, -1.0, 0.5)


def _rim(along: Map, across: Map, distance: Map, draw: Generator) -> Map:
    return np.where(distance > 0.7, -1.0, 0.8 * (1 - distance))


KINDS = {
    "cells": _Kind(
        "three kinds of textured cells on a noisy ground",
        (
            _Cell("striped", (2, 3), (15, 25), (0.46, 0.30, 0.42), _stripes),
            _Cell("spotted", (2, 4), (11, 17), (0.66, 0.62, 0.36), _spots),
            _Cell("rimmed", (2, 4), (8, 12), (0.50, 0.58, 0.80), _rim),
        ),
    ),
    # The classes differ from the ground in texture alone and are rare, so that a network predicts
    # the ground everywhere for its first epochs: a trap for searches that judge early.
    "rare": _Kind(
        "three rare classes that differ from the ground in texture alone",
        (
            _Cell("striped", (1, 3), (12, 17), (0.46, 0.42, 0.40), _stripes),
            _Cell("spotted", (1, 2), (10, 15), (0.46, 0.42, 0.40), _spots),
            _Cell("rimmed", (1, 3), (9, 12), (0.46, 0.42, 0.40), _rim),
        ),
    ),
}
"""The data sets by name: `cells` is learned within a few epochs, `rare` after many."""
_COLOURS = ([60, 60, 60], [210, 80, 120], [90, 180, 70], [70, 110, 230])


def _clouds(draw: Generator, cells: int) -> Map:
    """Return smooth noise SxS of mean about 0 and deviation about 1, `cells` bumps wide."""
    coarse = Image.fromarray(draw.normal(0, 1, (cells, cells)).astype(np.float32))
    return np.asarray(coarse.resize((SIZE, SIZE), Image.Resampling.BICUBIC), dtype=np.float64)


def _description(kind: str, seed: int) -> dict[str, Any]:
    names = ["ground", *(cell.name for cell in KINDS[kind].cells)]
    return {
        "name": kind,
        "title": f"Generated: {KINDS[kind].title}",
        "classes": [
            {"value": value, "name": name, "color": colour}
            for value, (name, colour) in enumerate(zip(names, _COLOURS, strict=True))
        ],
        "ignore": None,
        "encoding": "8-bit index 0..3",
        "source": "generated",
        "seed": seed,
        "counts": COUNTS,
    }
