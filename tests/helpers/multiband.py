"""Data sets of images of many bands."""

import json

import numpy as np
import tifffile
from PIL import Image


def scene(number, *, bands, size=40):
    """Return values HxWx`bands` of 12 bits and class ids HxW; each class has its own in each."""
    draw, ids = np.random.default_rng(number), np.zeros((size, size), np.uint8)
    for label_id in (1, 2):
        y, x = draw.integers(0, size // 2, 2)
        ids[y : y + size // 3, x : x + size // 3] = label_id
    colours = np.random.default_rng(9).integers(200, 3800, (3, bands))
    return np.clip(colours[ids] + draw.normal(0, 60, (size, size, bands)), 0, 4095), ids


def write_tiff(path, values, *, dtype=np.uint16, is_planar=False):
    """Write HxWxS as a TIFF whose bands nobody names."""
    values = values.astype(dtype)
    if is_planar:
        values = np.ascontiguousarray(values.transpose(2, 0, 1))
    planes = "separate" if is_planar else "contig"
    tifffile.imwrite(path, values, photometric="minisblack", planarconfig=planes)


def write_data(root, *, bands=5, chosen=None, train=4, val=2):
    """Write a data set of images of 12 bits; `chosen` goes into dataset.json."""
    for split, first, count in (("train", 0, train), ("val", train, val)):
        for kind in ("images", "masks"):
            (root / kind / split).mkdir(parents=True, exist_ok=True)
        for number in range(first, first + count):
            values, ids = scene(number, bands=bands)
            write_tiff(root / f"images/{split}/{number:02}.tif", values)
            Image.fromarray(ids).save(root / f"masks/{split}/{number:02}.png")
    classes = [{"value": i, "name": f"class {i}"} for i in range(3)]
    more = {} if chosen is None else {"bands": chosen}
    text = json.dumps({"classes": classes, **more})
    (root / "dataset.json").write_text(text)
    return root
