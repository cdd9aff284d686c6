"""Small files for tests: images, masks, whole data sets."""

import struct
import zlib

import numpy as np
from PIL import Image

from segformer.spec.sections.dataset import DatasetSegment


def save(path, values, mode=None):
    path.parent.mkdir(parents=True, exist_ok=True)
    array = np.asarray(values)
    array = array if array.dtype != np.int64 else array.astype(np.uint8)
    image = Image.fromarray(array)
    (image.convert(mode) if mode else image).save(path)
    return path


def noise(height=8, width=10, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def data_set(root, *, train=3, val=2, mask=None):
    """Write pairs of 10x8 images named 00, 01, ...; masks of the classes 0 and 1."""
    mask = np.eye(8, 10, dtype=np.uint8) if mask is None else mask
    for split, count in (("train", train), ("val", val)):
        for index in range(count):
            save(root / f"images/{split}/{index:02}.png", noise(seed=index))
            save(root / f"masks/{split}/{index:02}.png", mask)
    return root


def segment(root="", **values):
    return DatasetSegment(root_dir=str(root), **{"label_transform": "None", **values})


def png_of_few_bits(values, bits):
    """Return a grey PNG of 1, 2 or 4 bits, which Pillow cannot write itself."""
    rows = []
    for row in values:
        text = "".join(f"{value:0{bits}b}" for value in row)
        text = text.ljust(-(-len(text) // 8) * 8, "0")
        rows.append(b"\0" + bytes(int(text[i : i + 8], 2) for i in range(0, len(text), 8)))
    return _png(b"".join(rows), values.shape, bits, 0)


def png_of_16_bits(samples, colour_type):
    """Return a PNG of HxWxbands in 16 bits, which Pillow cannot write in colour."""
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in samples)
    return _png(rows, samples.shape[:2], 16, colour_type)


def _png(rows, size, bits, colour_type):
    height, width = size
    header = struct.pack(">IIBBBBB", width, height, bits, colour_type, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        for kind, body in chunks
    )
