"""Segment images with model.onnx: needs onnxruntime, numpy and Pillow, and nothing else.

    python infer.py photo.jpg more/*.png --out masks

Writes a PNG of class ids for each image, at the size of the image, with the colours of the classes
as its palette. From Python: `Model("model.onnx").segment("photo.jpg")` gives the ids HxW.

An image is read as RGB (by a model of other bands, as these; a TIFF of many by tifffile), upright,
and resized to the size of the training (bicubic, as Pillow does it, with antialiasing); then
divided by 255, less the mean and over the std of the training. The logits, a quarter of that size,
are enlarged to the image (bilinear, half-pixel centres), and the largest wins. What is much larger
than the images of the training is segmented by overlapping windows, whose logits are blended; the
model says how (`prediction` of its record). A PNG or TIFF that is too large to be held in memory is
read, segmented and written in strips of rows.
"""

import argparse
import json
import sys
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from segformer.data.bands import MOST_PIXELS, Bands, Held, bands_of, is_large, open_picture
from segformer.data.grid import starts, weights
from segformer.data.png_rows import PngRows
from segformer.export.arrays import (
    Size,
    blended,
    class_ids,
    cut,
    enlarged,
    log_mean,
    places,
    softmax,
)
from segformer.export.samples import (
    WIDE_MODES,
    check_picture,
    is_negative_of,
    read_bands,
    scaled_to_8_bits,
)
from segformer.model.onnx_runtime import onnxruntime

_LUMINANCE = np.array([0.299, 0.587, 0.114], dtype=np.float32)
_FLIPS = {"horizontal": ((), (-1,)), "both": ((), (-1,), (-2,), (-2, -1))}
_OVERLAP = 0.125
_USUAL: dict[str, Any] = {
    "mode": "auto", "window_height": None, "window_width": None, "overlap": None,
    "blending": "tapered", "flip": "none", "scales": [],
}  # fmt: skip
"""Settings of a model that has none of its own."""
_ALPHA = {"RGBA": "RGB", "LA": "L", "PA": "RGBA"}


class Model:
    """An exported model and the record in its metadata."""

    def __init__(self, path: str | Path, *, mode: str | None = None) -> None:
        """Load a model; `mode` (auto, whole or slide) takes the place of its own."""
        self._session = onnxruntime.InferenceSession(
            str(path), providers=onnxruntime.get_available_providers()
        )
        entries = self._session.get_modelmeta().custom_metadata_map
        if "segformer" not in entries:
            raise ValueError("is not a model that was exported with its record (infer.py)")
        self.record: dict[str, Any] = json.loads(entries["segformer"])
        segment = self.record["segment"]
        self.names = _names(entries, self._session)
        self._mean, self._std = (
            np.array(segment["augmentation"][key], dtype=np.float32) for key in ("mean", "std")
        )
        self._corners: bool = self.record["model"]["decode_head"]["align_corners"]
        self._batch, self._channels, height, width = self._session.get_inputs()[0].shape
        self._shape: Size = (height, width)
        self.channels = len(self._mean)
        self.bands: list[int] | None = segment.get("bands")
        self._resize: str = segment.get("resize", "squash")
        self.bits: int = segment.get("image_bits", 16)
        if self._resize == "crop" and mode == "whole":
            raise ValueError("mode whole: the model was trained on crops; it takes slide")
        self._how: dict[str, Any] = {**_USUAL, **segment.get("prediction", {})}
        self._how |= {"mode": mode} if mode else {}
        self._scales: list[float] = self._how["scales"] or [1.0]

    def segment(self, image: str | Path | NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Return the class ids HxW of an image file, or of pixels HxWx3, or HxWxC of its bands."""
        return np.concatenate([ids for _, ids in self.strips(self.opened(image))])

    def opened(self, image: str | Path | NDArray[np.uint8]) -> Bands:
        """Return an image file, or RGB pixels HxWx3, as a picture of rows for `strips`."""
        if isinstance(image, np.ndarray):
            if image.ndim != 3 or image.shape[2] != self.channels:
                raise ValueError(f"pixels of shape {image.shape}: must be HxWx{self.channels}")
            return Held(image)
        if self.bands is None and is_large(Path(image)):
            with Path(image).open("rb") as file:
                check_picture(open_picture(file))
            return bands_of(Path(image), lambda part: _rgb(part, self.bits, is_negative_of(part)))
        return Held(self.read(Path(image)))

    def read(self, source: Path | BinaryIO) -> NDArray[np.uint8]:
        """Return the pixels HxWxC of an image file."""
        return read_image(source, bits=self.bits, bands=self.bands)

    def strips(self, picture: Bands) -> Iterator[tuple[int, NDArray[np.uint8]]]:
        """Yield the class ids of a picture in strips of rows: their top, and ids hxW.

        Memory grows with the width of the picture alone.
        """
        height, width = picture.size
        size, tops, lefts = self._windows((height, width))
        _check_window(size)
        if len(tops) == len(lefts) == len(self._scales) == 1:
            logits = self._logits(cut(picture.rows(0, height), (0, 0), size))
            yield 0, class_ids(logits, size, align_corners=self._corners)[:height, :width]
            return
        for top, row in self._scored(picture):
            yield top, np.concatenate([each.argmax(0).astype(np.uint8) for each in row], axis=1)

    def probabilities(self, picture: Bands) -> Iterator[tuple[int, NDArray[np.float32]]]:
        """Yield the calibrated probabilities of the classes in strips: their top, and hxWxC."""
        temperature = np.float32(self.record.get("temperature", 1.0))
        for top, row in self._scored(picture):
            shares = [softmax(each / temperature).transpose(1, 2, 0) for each in row]
            yield top, np.concatenate(shares, axis=1)

    def _scored(self, picture: Bands) -> Iterator[tuple[int, Iterator[NDArray[np.float32]]]]:
        """Yield the scores Cxhxw of a picture, row by row of its windows, from the left."""
        height, width = picture.size
        size, tops, lefts = self._windows((height, width))
        _check_window(size)
        windows = (self._scores(picture, (top, left), size) for top in tops for left in lefts)
        is_tapered = self._how["blending"] != "flat"
        rows = weights(height, size[0], tops, is_tapered=is_tapered)
        columns = weights(width, size[1], lefts, is_tapered=is_tapered)
        pieces = blended(windows, tops, lefts, rows, columns)
        for top, row in groupby(pieces, key=lambda piece: piece[0]):
            yield top, (scores for _, _, scores in row)

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
        return size, *self._starts(picture, size, overlap)

    def _starts(self, picture: Size, size: Size, overlap: float) -> tuple[list[int], list[int]]:
        """The tops and the lefts of windows of a size."""
        tops, lefts = (
            starts(length, window, overlap, side)
            for length, window, side in zip(picture, size, self._shape, strict=True)
        )
        return tops, lefts

    def _scores(self, picture: Bands, place: tuple[int, int], size: Size) -> NDArray[np.float32]:
        """Logits of a window at its size; or, of several scales, the mean probabilities."""
        margin = round(size[0] / min(1.0, *self._scales)) - size[0] + 1
        first = max(0, place[0] - margin)
        pixels = picture.rows(first, min(picture.size[0], place[0] + size[0] + margin))
        place = place[0] - first, place[1]
        if len(self._scales) == 1 and self._scales[0] == 1:
            return self._upsampled(cut(pixels, place, size))
        parts = [softmax(self._scaled(pixels, place, size, scale)) for scale in self._scales]
        return log_mean(parts)

    def _scaled(
        self, pixels: NDArray[np.uint8], place: tuple[int, int], size: Size, scale: float
    ) -> NDArray[np.float32]:
        """Enlarged, a window is covered by smaller ones; reduced, it is the middle of a larger."""
        inner = max(1, round(size[0] / scale)), max(1, round(size[1] / scale))
        if inner[0] > size[0] or inner[1] > size[1]:
            above, before = (inner[0] - size[0]) // 2, (inner[1] - size[1]) // 2
            around = cut(pixels, (place[0] - above, place[1] - before), inner)
            return self._upsampled(around)[:, above : above + size[0], before : before + size[1]]
        part = cut(pixels, place, size)
        tops, lefts = self._starts(size, inner, _OVERLAP)
        windows = (self._upsampled(cut(part, (y, x), inner)) for y in tops for x in lefts)
        rows = weights(size[0], inner[0], tops, is_tapered=True)
        columns = weights(size[1], inner[1], lefts, is_tapered=True)
        whole: NDArray[np.float32] | None = None
        for top, left, scores in blended(windows, tops, lefts, rows, columns):
            if whole is None:
                whole = np.empty((len(scores), *size), dtype=np.float32)
            whole[:, top : top + scores.shape[1], left : left + scores.shape[2]] = scores
        assert whole is not None
        return whole

    def _upsampled(self, window: NDArray[np.uint8]) -> NDArray[np.float32]:
        logits, size = self._logits(window), window.shape[:2]
        grid = [
            places(small, large, align_corners=self._corners)
            for small, large in zip(logits.shape[1:], size, strict=True)
        ]
        return np.stack([enlarged(single, *grid) for single in logits])

    def _logits(self, window: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Logits Cxhxw of a window, or the mean probabilities of its mirror images."""
        inputs = self._scaled_input(window)
        axes = _FLIPS.get(self._how["flip"])
        if axes is None:
            return self._run(inputs)
        parts = [np.flip(softmax(self._run(np.flip(inputs, each))), each) for each in axes]
        return log_mean(parts)

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
        steps = (size[0], len(pixels)), size
        if self.channels == 3:
            resized = _resized(pixels, steps)
        else:  # Pillow has no pictures of five bands, and resizes those of four by their alpha.
            bands = np.moveaxis(pixels, 2, 0)
            resized = np.stack([_resized(band, steps) for band in bands], axis=2)
        scaled = (resized.astype(np.float32) / 255 - self._mean) / self._std
        if self._channels != self.channels:  # A model of RGB that takes grey images.
            unscaled = (scaled * (_LUMINANCE * self._std)).sum(-1, keepdims=True)
            grey = unscaled + (_LUMINANCE * self._mean).sum()
            scaled = (grey - self._mean[0]) / self._std[0]
        batch: NDArray[np.float32] = np.ascontiguousarray(scaled.transpose(2, 0, 1)[None])
        return batch


def _names(entries: dict[str, str], session: Any) -> dict[int, str]:
    """The names of the classes; their numbers, for a model of before they were recorded."""
    if "names" not in entries:
        return {index: str(index) for index in range(session.get_outputs()[0].shape[1])}
    return {int(index): name for index, name in json.loads(entries["names"]).items()}


def _resized(pixels: NDArray[np.uint8], steps: tuple[Size, ...]) -> NDArray[np.uint8]:
    picture = Image.fromarray(np.ascontiguousarray(pixels))
    for size in steps:
        picture = picture.resize(size, Image.Resampling.BICUBIC)
    return np.asarray(picture)


def _check_window(size: Size) -> None:
    if size[0] * size[1] > MOST_PIXELS:
        raise ValueError(f"is too large to be segmented whole ({size[1]}x{size[0]}); mode slide")


def read_image(
    source: Path | BinaryIO, *, bits: int = 16, bands: list[int] | None = None
) -> NDArray[np.uint8]:
    """Return an image as RGB HxWx3 of 8 bits, upright, without alpha; or bands of it, HxWxC.

    Grey of 16 bits, or bands, of which `bits` are in use, are scaled as in the training.
    """
    if bands is not None:
        return read_bands(source, bands, bits)
    with Image.open(source) as opened:
        if opened.width * opened.height > MOST_PIXELS:
            raise ValueError(
                f"{opened.width * opened.height / 1e6:.0f} megapixels are more than the"
                f" {MOST_PIXELS / 1e6:.0f} that are read at once; give the path of a file"
            )
        check_picture(opened)
        return _rgb(ImageOps.exif_transpose(opened), bits, is_negative_of(opened))


def _rgb(image: Image.Image, bits: int, is_negative: bool) -> NDArray[np.uint8]:
    if image.mode in WIDE_MODES:
        grey = scaled_to_8_bits(np.asarray(image), bits, is_negative=is_negative)
        return np.repeat(grey[..., None], 3, axis=2)
    if image.mode not in ("1", "L", "P", "RGB", "CMYK", "YCbCr", "LAB", *_ALPHA):
        raise ValueError(f"is of mode {image.mode}, neither of 8 bits nor grey of 16")
    image = image.convert(_ALPHA.get(image.mode, image.mode))
    return np.asarray(image.convert("RGB"))


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


def _write_probabilities(model: Model, path: Path, target: Path) -> None:
    """Write the probabilities HxWxC of an image file as 16-bit floats for `numpy.load`."""
    picture = model.opened(path)
    head = {"descr": "<f2", "fortran_order": False, "shape": (*picture.size, len(model.names))}
    with target.open("wb") as file:
        np.lib.format.write_array_header_1_0(file, head)
        for _, shares in model.probabilities(picture):
            file.write(shares.astype("<f2").tobytes())


def _loaded(path: Path, mode: str | None) -> Model:
    try:
        if not path.is_file():
            raise ValueError("there is no such file")
        return Model(path, mode=mode)
    except Exception as error:  # ONNX Runtime has its own classes, derived from this one.
        print(f"{path}: cannot be used ({' '.join(str(error).split())})", file=sys.stderr)
        sys.exit(2)


def main() -> None:
    """Segment the images of the command line."""
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("images", nargs="+", type=Path)
    parser.add_argument("--model", type=Path, default=Path(__file__).with_name("model.onnx"))
    parser.add_argument("--out", type=Path, default=Path("masks"), help="folder for the masks")
    parser.add_argument("--mode", choices=("auto", "whole", "slide"), help="whole or by windows")
    parser.add_argument("--probabilities", action="store_true", help="also write NAME.npy, HxWxC")
    options = parser.parse_args()
    stems = [path.stem for path in options.images]
    if alike := sorted({stem for stem in stems if stems.count(stem) > 1}):
        parser.error(f"several images would be written to {alike[0]}.png; rename one")
    model = _loaded(options.model, options.mode)
    options.out.mkdir(parents=True, exist_ok=True)
    failed = 0
    for path in options.images:
        try:
            _write(model, path, options.out / f"{path.stem}.png")
            if options.probabilities:
                _write_probabilities(model, path, options.out / f"{path.stem}.npy")
        except (OSError, SyntaxError, ValueError) as error:  # What Pillow raises, and our own.
            print(f"{path}: cannot be read ({error})", file=sys.stderr)
            failed += 1
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
