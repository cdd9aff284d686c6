"""Segment images with model.onnx: needs onnxruntime, numpy and Pillow, and nothing else.

    python infer.py photo.jpg more/*.png --out masks

Writes a PNG of class ids for each image, at the size of the image, with the colours of the classes
as its palette. From Python: `Model("model.onnx").segment("photo.jpg")` gives the ids HxW.

An image is read as RGB, upright, and resized to the size of the training (bicubic, as Pillow does
it, with antialiasing); then divided by 255, less the mean and over the std of the training. The
logits, a quarter of that size, are enlarged to the image (bilinear, half-pixel centres), and the
largest wins.
"""

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from PIL import Image, ImageOps

_LUMINANCE = np.array([0.299, 0.587, 0.114], dtype=np.float32)
_ALPHA = {"RGBA": "RGB", "LA": "L", "PA": "RGBA"}


class Model:
    """An exported model and the record in its metadata."""

    def __init__(self, path: str | Path) -> None:
        self._session = onnxruntime.InferenceSession(
            str(path), providers=onnxruntime.get_available_providers()
        )
        self.record: dict[str, Any] = json.loads(
            self._session.get_modelmeta().custom_metadata_map["segformer"]
        )
        segment = self.record["segment"]
        self.names: dict[int, str] = {}
        for entry in segment["palette"]:
            name = entry["mapping_class"] or entry["seg_class"]
            self.names.setdefault(entry["label_id"], name)
        self._mean, self._std = (
            np.array(segment["augmentation"][key], dtype=np.float32) for key in ("mean", "std")
        )

    def segment(self, image: str | Path | NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Return the class ids HxW of an image file, or of RGB pixels HxWx3."""
        pixels = image if isinstance(image, np.ndarray) else read_image(Path(image))
        batch, _, height, width = self._session.get_inputs()[0].shape
        inputs = self._scaled(pixels, (width, height))
        if isinstance(batch, int):  # A model of fixed batch size.
            inputs = inputs.repeat(batch, axis=0)
        logits = self._session.run(None, {"input": inputs})[0][0]
        corners = self.record["model"]["decode_head"]["align_corners"]
        return class_ids(logits, pixels.shape[:2], align_corners=corners)

    def _scaled(self, pixels: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.float32]:
        resized = np.asarray(Image.fromarray(pixels).resize(size, Image.Resampling.BICUBIC))
        scaled = (resized.astype(np.float32) / 255 - self._mean) / self._std
        if self._session.get_inputs()[0].shape[1] == 1:  # A model of grey images.
            unscaled = (scaled * (_LUMINANCE * self._std)).sum(-1, keepdims=True)
            grey = unscaled + (_LUMINANCE * self._mean).sum()
            scaled = (grey - self._mean[0]) / self._std[0]
        batch: NDArray[np.float32] = np.ascontiguousarray(scaled.transpose(2, 0, 1)[None])
        return batch


def read_image(path: Path) -> NDArray[np.uint8]:
    """Return an image of 8 bits as RGB HxWx3, upright, without its alpha channel."""
    with Image.open(path) as opened:
        image: Image.Image = ImageOps.exif_transpose(opened)
        if image.mode not in ("1", "L", "P", "RGB", "CMYK", "YCbCr", *_ALPHA):
            raise ValueError(f"{path}: is of mode {image.mode}, not 8 bits")
        image = image.convert(_ALPHA.get(image.mode, image.mode))
        return np.asarray(image.convert("RGB"))


def class_ids(
    logits: NDArray[np.float32], size: tuple[int, ...], *, align_corners: bool
) -> NDArray[np.uint8]:
    """Logits Cxhxw -> the most likely class of each pixel of a size HxW, class by class."""
    rows, columns = (
        _places(small, large, align_corners=align_corners)
        for small, large in zip(logits.shape[1:], size, strict=True)
    )
    ids = np.zeros(size, dtype=np.uint8)
    best: NDArray[np.float32] | None = None
    for index, single in enumerate(logits):
        score = _enlarged(single, rows, columns)
        if best is None:
            best = score
            continue
        ids[score > best] = index
        best = np.maximum(best, score)
    return ids


def _places(small: int, large: int, *, align_corners: bool) -> tuple[Any, Any, Any]:
    """For each of `large` places, its two neighbours among `small` and the share of the second."""
    target = np.arange(large, dtype=np.float32)
    if align_corners:
        source = target * np.float32((small - 1) / max(large - 1, 1))
    else:
        source = np.maximum((target + 0.5) * np.float32(small / large) - 0.5, 0)
    first = source.astype(np.int64)
    second = np.minimum(first + 1, small - 1)
    return first, second, source.astype(np.float32) - first.astype(np.float32)


def _enlarged(values: NDArray[np.float32], rows: Any, columns: Any) -> NDArray[np.float32]:
    top, bottom, down = rows
    left, right, along = columns
    down = down[:, None]
    upper = values[top][:, left] * (1 - along) + values[top][:, right] * along
    lower = values[bottom][:, left] * (1 - along) + values[bottom][:, right] * along
    enlarged: NDArray[np.float32] = upper * (1 - down) + lower * down
    return enlarged


def _palette(record: dict[str, Any]) -> list[int]:
    colours = [[index, index, index] for index in range(256)]
    for entry in reversed(record["segment"]["palette"]):
        colours[entry["label_id"]] = (entry["rgb"] * 3)[:3]
    return [value for colour in colours for value in colour]


def main() -> None:
    """Segment the images of the command line."""
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("images", nargs="+", type=Path)
    parser.add_argument("--model", type=Path, default=Path(__file__).with_name("model.onnx"))
    parser.add_argument("--out", type=Path, default=Path("masks"), help="folder for the masks")
    options = parser.parse_args()
    model = Model(options.model)
    options.out.mkdir(parents=True, exist_ok=True)
    for path in options.images:
        ids = model.segment(path)
        mask = Image.fromarray(ids)
        mask.putpalette(_palette(model.record))
        mask.save(options.out / f"{path.stem}.png")
        found = zip(*np.unique(ids, return_counts=True), strict=True)
        shares = (f"{model.names.get(int(i), i)} {n / ids.size:.1%}" for i, n in found)
        print(f"{path}: {', '.join(shares)}")


if __name__ == "__main__":
    main()
