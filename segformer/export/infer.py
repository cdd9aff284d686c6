"""Segment images with model.onnx: needs onnxruntime, numpy and Pillow, and nothing else.

    python infer.py photo.jpg more/*.png --out masks

Writes a PNG of class ids for each image, at the size of the image, with the colours of the classes
as its palette. From Python: `Model("model.onnx").segment("photo.jpg")` gives the ids HxW.

An image is read as RGB, upright, and resized to the size of the training (bicubic, as Pillow does
it, with antialiasing); then divided by 255, less the mean and over the std of the training. The
logits, a quarter of that size, are enlarged to the image (bilinear, half-pixel centres), and the
largest wins. What is much larger than the images of the training is segmented by overlapping
windows, whose logits are blended; the model says how (`prediction` of its record). A PNG or TIFF
that is too large to be held in memory is read, segmented and written in strips of rows.
"""

import argparse
import json
import math
import sys
from collections.abc import Iterator
from itertools import groupby, pairwise
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from PIL import Image, ImageOps

from segformer.data.bands import MOST_PIXELS, Bands, Held, bands_of, is_large
from segformer.data.png_rows import PngRows

_LUMINANCE = np.array([0.299, 0.587, 0.114], dtype=np.float32)
_FLIPS = {"horizontal": ((), (-1,)), "both": ((), (-1,), (-2,), (-2, -1))}
_OVERLAP = 0.125
_USUAL: dict[str, Any] = {
    "mode": "auto", "window_height": None, "window_width": None, "overlap": None,
    "blending": "tapered", "flip": "none", "scales": [],
}  # fmt: skip
"""Settings of a model that has none of its own."""
_ALPHA = {"RGBA": "RGB", "LA": "L", "PA": "RGBA"}
_WIDE = ("I;16", "I;16B", "I;16L", "I;16N", "I")
_LARGEST = 2**16 - 1

Size = tuple[int, int]


class Model:
    """An exported model and the record in its metadata."""

    def __init__(self, path: str | Path, *, mode: str | None = None) -> None:
        """Load a model; `mode` (auto, whole or slide) takes the place of its own."""
        self._session = onnxruntime.InferenceSession(
            str(path), providers=onnxruntime.get_available_providers()
        )
        entries = self._session.get_modelmeta().custom_metadata_map
        self.record: dict[str, Any] = json.loads(entries["segformer"])
        segment = self.record["segment"]
        self.names = {int(index): name for index, name in json.loads(entries["names"]).items()}
        self._mean, self._std = (
            np.array(segment["augmentation"][key], dtype=np.float32) for key in ("mean", "std")
        )
        self._corners: bool = self.record["model"]["decode_head"]["align_corners"]
        self._batch, self._channels, height, width = self._session.get_inputs()[0].shape
        self._shape: Size = (height, width)
        self._resize: str = segment.get("resize", "squash")
        self.bits: int = segment.get("image_bits", 16)
        if self._resize == "crop" and mode == "whole":
            raise ValueError("mode whole: the model was trained on crops; it takes slide")
        self._how: dict[str, Any] = {**_USUAL, **segment.get("prediction", {})}
        self._how |= {"mode": mode} if mode else {}
        self._scales: list[float] = self._how["scales"] or [1.0]

    def segment(self, image: str | Path | NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Return the class ids HxW of an image file, or of RGB pixels HxWx3."""
        return np.concatenate([ids for _, ids in self.strips(self.opened(image))])

    def opened(self, image: str | Path | NDArray[np.uint8]) -> Bands:
        """Return an image file, or RGB pixels HxWx3, as a picture of rows for `strips`."""
        if isinstance(image, np.ndarray):
            return Held(image)
        if is_large(Path(image)):
            return bands_of(Path(image), lambda part: _rgb(part, self.bits))
        return Held(read_image(Path(image), bits=self.bits))

    def strips(self, picture: Bands) -> Iterator[tuple[int, NDArray[np.uint8]]]:
        """Yield the class ids of a picture in strips of rows: their top, and ids hxW.

        Memory grows with the width of the picture alone.
        """
        height, width = picture.size
        size, tops, lefts = self._windows((height, width))
        if size[0] * size[1] > MOST_PIXELS:
            raise ValueError(f"is too large to be segmented whole ({width}x{height}); mode slide")
        if len(tops) == len(lefts) == len(self._scales) == 1:
            logits = self._logits(_cut(picture.rows(0, height), (0, 0), size))
            yield 0, class_ids(logits, size, align_corners=self._corners)[:height, :width]
            return
        windows = (self._scores(picture, (top, left), size) for top in tops for left in lefts)
        is_tapered = self._how["blending"] != "flat"
        rows = _weights(height, size[0], tops, is_tapered=is_tapered)
        columns = _weights(width, size[1], lefts, is_tapered=is_tapered)
        pieces = _blended(windows, tops, lefts, rows, columns)
        for top, row in groupby(pieces, key=lambda piece: piece[0]):
            ids = [scores.argmax(0).astype(np.uint8) for _, _, scores in row]
            yield top, np.concatenate(ids, axis=1)

    def is_slid(self, size: Size) -> bool:
        """Whether a picture of a height and width is segmented by windows without being asked."""
        if self._resize == "crop" or self._how["mode"] not in ("auto", "as_trained"):
            return False
        _, tops, lefts = self._windows(size)
        return len(tops) * len(lefts) > 1

    def _windows(self, picture: Size) -> tuple[Size, list[int], list[int]]:
        """The size of the windows over a picture, their tops and their lefts."""
        own = (
            self._how["window_height"] or self._shape[0],
            self._how["window_width"] or self._shape[1],
        )
        is_larger = picture[0] > 2 * own[0] or picture[1] > 2 * own[1]
        is_slid = {"whole": False, "slide": True}.get(self._how["mode"], is_larger)
        size = own if is_slid or self._resize == "crop" else picture
        if self._resize == "squash":
            size = min(size[0], picture[0]), min(size[1], picture[1])
        elif self._resize == "pad":
            inner = picture if size[0] >= picture[0] and size[1] >= picture[1] else size
            scale = max(inner[0] / self._shape[0], inner[1] / self._shape[1])
            size = (
                max(inner[0], round(self._shape[0] * scale)),
                max(inner[1], round(self._shape[1] * scale)),
            )
        overlap = _OVERLAP if self._how["overlap"] is None else self._how["overlap"]
        return size, _starts(picture[0], size[0], overlap), _starts(picture[1], size[1], overlap)

    def _scores(self, picture: Bands, place: tuple[int, int], size: Size) -> NDArray[np.float32]:
        """Logits of a window at its size; or, of several scales, the mean probabilities."""
        margin = round(size[0] / min(1.0, *self._scales)) - size[0] + 1
        first = max(0, place[0] - margin)
        pixels = picture.rows(first, min(picture.size[0], place[0] + size[0] + margin))
        place = place[0] - first, place[1]
        if len(self._scales) == 1 and self._scales[0] == 1:
            return self._upsampled(_cut(pixels, place, size))
        parts = [_softmax(self._scaled(pixels, place, size, scale)) for scale in self._scales]
        return _log_mean(parts)

    def _scaled(
        self, pixels: NDArray[np.uint8], place: tuple[int, int], size: Size, scale: float
    ) -> NDArray[np.float32]:
        """Enlarged, a window is covered by smaller ones; reduced, it is the middle of a larger."""
        inner = max(1, round(size[0] / scale)), max(1, round(size[1] / scale))
        if inner[0] > size[0] or inner[1] > size[1]:
            above, before = (inner[0] - size[0]) // 2, (inner[1] - size[1]) // 2
            around = _cut(pixels, (place[0] - above, place[1] - before), inner)
            return self._upsampled(around)[:, above : above + size[0], before : before + size[1]]
        part = _cut(pixels, place, size)
        tops, lefts = (_starts(*sides, _OVERLAP) for sides in zip(size, inner, strict=True))
        windows = (self._upsampled(_cut(part, (y, x), inner)) for y in tops for x in lefts)
        rows = _weights(size[0], inner[0], tops, is_tapered=True)
        columns = _weights(size[1], inner[1], lefts, is_tapered=True)
        whole: NDArray[np.float32] | None = None
        for top, left, scores in _blended(windows, tops, lefts, rows, columns):
            if whole is None:
                whole = np.empty((len(scores), *size), dtype=np.float32)
            whole[:, top : top + scores.shape[1], left : left + scores.shape[2]] = scores
        assert whole is not None
        return whole

    def _upsampled(self, window: NDArray[np.uint8]) -> NDArray[np.float32]:
        logits, size = self._logits(window), window.shape[:2]
        places = [
            _places(small, large, align_corners=self._corners)
            for small, large in zip(logits.shape[1:], size, strict=True)
        ]
        return np.stack([_enlarged(single, *places) for single in logits])

    def _logits(self, window: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Logits Cxhxw of a window, or the mean probabilities of its mirror images."""
        inputs = self._scaled_input(window)
        axes = _FLIPS.get(self._how["flip"])
        if axes is None:
            return self._run(inputs)
        parts = [np.flip(_softmax(self._run(np.flip(inputs, each))), each) for each in axes]
        return _log_mean(parts)

    def _run(self, inputs: NDArray[np.float32]) -> NDArray[np.float32]:
        if isinstance(self._batch, int):  # A model of fixed batch size.
            inputs = inputs.repeat(self._batch, axis=0)
        logits: NDArray[np.float32] = self._session.run(
            None, {"input": np.ascontiguousarray(inputs)}
        )[0][0]
        return logits

    def _scaled_input(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        size = self._shape[1], self._shape[0]
        # Across and then down: each step rounds, and versions of Pillow differ in the order.
        across = Image.fromarray(pixels).resize((size[0], len(pixels)), Image.Resampling.BICUBIC)
        resized = np.asarray(across.resize(size, Image.Resampling.BICUBIC))
        scaled = (resized.astype(np.float32) / 255 - self._mean) / self._std
        if self._channels == 1:  # A model of grey images.
            unscaled = (scaled * (_LUMINANCE * self._std)).sum(-1, keepdims=True)
            grey = unscaled + (_LUMINANCE * self._mean).sum()
            scaled = (grey - self._mean[0]) / self._std[0]
        batch: NDArray[np.float32] = np.ascontiguousarray(scaled.transpose(2, 0, 1)[None])
        return batch


def _starts(length: int, window: int, overlap: float) -> list[int]:
    """The first pixels of evenly spread windows over a length; the last one ends with it."""
    if window >= length:
        return [0]
    step = max(1.0, (1 - overlap) * window)
    last = math.ceil((length - window) / step - 1e-9)
    return [round(index * (length - window) / last) for index in range(last + 1)]


def _weights(
    length: int, window: int, starts: list[int], *, is_tapered: bool
) -> list[NDArray[np.float32]]:
    """The weights of windows along a side; those of one pixel add up to 1."""
    inside = np.arange(window)
    ramp = np.minimum(inside + 1.0, window - inside) if is_tapered else np.ones(window)
    total = np.zeros(length)
    for start in starts:
        total[start : start + window] += ramp[: length - start]
    return [
        (ramp[: length - start] / total[start : start + window]).astype(np.float32)
        for start in starts
    ]


def _cut(pixels: NDArray[np.uint8], place: tuple[int, int], size: Size) -> NDArray[np.uint8]:
    """The part of a picture at a top and left; black where it is outside the picture."""
    (top, left), (height, width) = place, size
    part = pixels[max(top, 0) : top + height, max(left, 0) : left + width]
    if part.shape[:2] == size:
        return part
    whole = np.zeros((height, width, 3), dtype=np.uint8)
    above, before = max(-top, 0), max(-left, 0)
    whole[above : above + part.shape[0], before : before + part.shape[1]] = part
    return whole


def _blended(
    windows: Iterator[NDArray[np.float32]],
    tops: list[int],
    lefts: list[int],
    rows: list[NDArray[np.float32]],
    columns: list[NDArray[np.float32]],
) -> Iterator[tuple[int, int, NDArray[np.float32]]]:
    """Yield weighted sums of windows in rectangles that no later window covers.

    Only what the next windows overlap is kept, so that memory grows with the width alone.
    """
    height, width = tops[-1] + len(rows[-1]), lefts[-1] + len(columns[-1])
    below = None
    for (top, next_top), down in zip(pairwise([*tops, height]), rows, strict=True):
        above, below, beside = below, None, None
        for (left, next_left), along in zip(pairwise([*lefts, width]), columns, strict=True):
            part = next(windows)[:, : len(down), : len(along)] * down[:, None] * along
            if beside is not None:
                part[:, :, : beside.shape[2]] += beside
            done, beside = part[:, :, : next_left - left], part[:, :, next_left - left :]
            if above is not None:
                done[:, : above.shape[1]] += above[:, :, left:next_left]
            unfinished = done[:, next_top - top :]
            if unfinished.shape[1]:
                if below is None:
                    below = np.empty((len(done), unfinished.shape[1], width), dtype=np.float32)
                below[:, :, left:next_left] = unfinished
            yield top, left, done[:, : next_top - top]


def _softmax(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    powers = np.exp(logits - logits.max(0))
    shares: NDArray[np.float32] = powers / powers.sum(0)
    return shares


def _log_mean(probabilities: list[NDArray[np.float32]]) -> NDArray[np.float32]:
    mean = np.mean(probabilities, axis=0, dtype=np.float32)
    logarithm: NDArray[np.float32] = np.log(np.maximum(mean, np.finfo(np.float32).tiny))
    return logarithm


def read_image(source: Path | BinaryIO, *, bits: int = 16) -> NDArray[np.uint8]:
    """Return an image as RGB HxWx3 of 8 bits, upright, without its alpha channel.

    Grey of 16 bits, of which `bits` are in use, is scaled as in the training.
    """
    with Image.open(source) as opened:
        if opened.width * opened.height > MOST_PIXELS:
            raise ValueError(
                f"{opened.width * opened.height / 1e6:.0f} megapixels are more than the"
                f" {MOST_PIXELS / 1e6:.0f} that are read at once; give the path of a file"
            )
        return _rgb(ImageOps.exif_transpose(opened), bits)


def _rgb(image: Image.Image, bits: int) -> NDArray[np.uint8]:
    if image.mode in _WIDE:
        return _scaled_to_8_bits(np.asarray(image), bits)
    if image.mode not in ("1", "L", "P", "RGB", "CMYK", "YCbCr", *_ALPHA):
        raise ValueError(f"is of mode {image.mode}, neither of 8 bits nor grey of 16")
    image = image.convert(_ALPHA.get(image.mode, image.mode))
    return np.asarray(image.convert("RGB"))


def _scaled_to_8_bits(values: NDArray[Any], bits: int) -> NDArray[np.uint8]:
    if values.min() < 0 or values.max() > _LARGEST:
        raise ValueError("is a 32-bit image, whose range is not known")
    steps = np.round(np.arange(_LARGEST + 1) / ((2**bits - 1) / 255)).clip(0, 255).astype(np.uint8)
    return np.repeat(steps[values][..., None], 3, axis=2)


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


def _palette(record: dict[str, Any]) -> bytes:
    colours = [[index, index, index] for index in range(256)]
    for entry in reversed(record["segment"]["palette"]):
        colours[entry["label_id"]] = (entry["rgb"] * 3)[:3]
    return bytes(value for colour in colours for value in colour)


def _write(model: Model, path: Path, target: Path) -> None:
    """Segment an image file into a PNG, and print the shares of its classes."""
    picture = model.opened(path)
    height, width = picture.size
    if model.is_slid(picture.size):
        print(f"{path}: {width}x{height}, by windows (--mode whole shrinks it)", file=sys.stderr)
    counts = np.zeros(256, dtype=np.int64)
    try:
        with (
            target.open("wb") as file,
            PngRows(file, picture.size, palette=_palette(model.record)) as mask,
        ):
            for _, ids in model.strips(picture):
                mask.add(ids)
                counts += np.bincount(ids.ravel(), minlength=256)
    except BaseException:
        target.unlink(missing_ok=True)
        raise
    shares = (
        f"{model.names.get(index, index)} {count / counts.sum():.1%}"
        for index, count in enumerate(counts.tolist())
        if count
    )
    print(f"{path}: {', '.join(shares)}")


def main() -> None:
    """Segment the images of the command line."""
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("images", nargs="+", type=Path)
    parser.add_argument("--model", type=Path, default=Path(__file__).with_name("model.onnx"))
    parser.add_argument("--out", type=Path, default=Path("masks"), help="folder for the masks")
    parser.add_argument("--mode", choices=("auto", "whole", "slide"), help="whole or by windows")
    options = parser.parse_args()
    stems = [path.stem for path in options.images]
    if alike := sorted({stem for stem in stems if stems.count(stem) > 1}):
        parser.error(f"several images would be written to {alike[0]}.png; rename one")
    model = Model(options.model, mode=options.mode)
    options.out.mkdir(parents=True, exist_ok=True)
    failed = 0
    for path in options.images:
        try:
            _write(model, path, options.out / f"{path.stem}.png")
        except (OSError, SyntaxError, ValueError) as error:  # What Pillow raises, and our own.
            print(f"{path}: cannot be read ({error})", file=sys.stderr)
            failed += 1
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
