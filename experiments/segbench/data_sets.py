"""The data sets of SegBench-micro: up to 24 training images each, no side over 96 pixels."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from segformer.data.sample import write_sample

SIDE = 96
"""The longer side of an image in pixels."""
COUNTS = {"train": 24, "val": 12}


@dataclass(frozen=True)
class DataSet:
    """Where a data set comes from, and how much of it is taken."""

    source: str
    prefix: str = ""
    """Of the names of the images."""
    train: int = COUNTS["train"]
    noise: float = 0.0
    """Standard deviation of what is added to the images, in grey levels."""
    seed: int = 0


DATA_SETS = {
    "isbi": DataSet("isbi"),
    "camvid-0001TP": DataSet("camvid", "0001TP"),
    "camvid-0006R0": DataSet("camvid", "0006R0"),
    "camvid-0016E5": DataSet("camvid", "0016E5"),
    "cells": DataSet("cells"),
    "cells-few": DataSet("cells", train=8, seed=1),
    "cells-noisy": DataSet("cells", noise=40.0, seed=2),
    "rare": DataSet("rare", seed=3),
    "rare-noisy": DataSet("rare", noise=25.0, seed=4),
}
"""By name; a source that is no kind of `automl data sample` is a folder that the user names."""


def write_data_set(name: str, folders: dict[str, Path], target: Path) -> Path:
    """Write a data set of the table; the same files each time. Returns its folder."""
    data_set, folder = DATA_SETS[name], target / name
    shutil.rmtree(folder, ignore_errors=True)
    source = folders.get(data_set.source)
    if source is None:
        source = target / f"{name}-whole"
        write_sample(source, seed=data_set.seed, kind=data_set.source)
    rng = np.random.default_rng(data_set.seed)
    for split, count in {"train": data_set.train, "val": COUNTS["val"]}.items():
        for image, mask in _pairs(source, data_set, split, count):
            pixels = _small(image, Image.Resampling.BILINEAR)
            noisy = pixels + rng.normal(0, data_set.noise, pixels.shape)
            _save(noisy.clip(0, 255).round(), folder / "images" / split / f"{image.stem}.png")
            ids = _small(mask, Image.Resampling.NEAREST)
            _save(ids, folder / "masks" / split / f"{image.stem}.png")
    shutil.copyfile(source / "dataset.json", folder / "dataset.json")
    return folder


def _pairs(source: Path, data_set: DataSet, split: str, count: int) -> Iterator[tuple[Path, Path]]:
    """Yield evenly spread pairs of a split; a scene of a video is divided by time, 2 to 1."""
    folder = source / "images" / ("train" if data_set.prefix else split)
    images = sorted(path for path in folder.iterdir() if path.name.startswith(data_set.prefix))
    if data_set.prefix:
        cut = len(images) * 2 // 3
        images = images[:cut] if split == "train" else images[cut:]
    places = np.linspace(0, len(images) - 1, min(count, len(images))).round().astype(int)
    for image in (images[place] for place in places):
        yield image, source / "masks" / folder.name / f"{image.stem}.png"


def _small(path: Path, method: Image.Resampling) -> NDArray[np.float64]:
    """Return the pixels of an image with its longer side shrunk to SIDE."""
    with Image.open(path) as image:
        ratio = SIDE / max(image.size)
        size = (round(image.width * ratio), round(image.height * ratio))
        return np.asarray(image.resize(size, method), dtype=np.float64)


def _save(pixels: NDArray[np.float64], path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels.astype(np.uint8)).save(path)
