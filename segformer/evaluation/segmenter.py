"""Segments pictures of any size with a model of one size: by windows, flips and scales."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from segformer.data.bands import Bands, Held
from segformer.data.dataset import window_input
from segformer.data.windows import (
    MUCH_LARGER,
    Size,
    Windows,
    check_windows,
    cut,
    is_slid,
    window_size,
    windows_of,
)
from segformer.evaluation.metrics import resize_logits
from segformer.evaluation.predictor import Predictor
from segformer.spec.sections.dataset import DatasetSegment

Pixels = NDArray[np.uint8]
Model = Callable[[Tensor], Tensor]
"""Images BxIxHxW -> logits BxCxhxw, on any device."""
Piece = tuple[int, int, Tensor]
"""Top, left and scores Cxhxw of a part of a picture."""

_FLIPS: dict[str, tuple[tuple[int, ...], ...]] = {
    "horizontal": ((), (-1,)),
    "both": ((), (-1,), (-2,), (-2, -1)),
}


@dataclass(frozen=True)
class Segmenter:
    """Segments pictures by the prediction settings of a model."""

    model: Model
    segment: DatasetSegment
    align_corners: bool
    batch_size: int = 8
    """Windows in a batch."""

    def class_ids_of(self, pictures: Sequence[Pixels]) -> Iterator[Pixels]:
        """Yield the class of each pixel, HxW, of pictures HxWxC; one batch if all are whole."""
        windows = [windows_of(_size(picture), self.segment) for picture in pictures]
        if self._scales or any(len(each) > 1 for each in windows):
            yield from map(self.class_ids, pictures)
            return
        inputs = [
            window_input(picture, (0, 0), each.size, self.segment)
            for picture, each in zip(pictures, windows, strict=True)
        ]
        for logits, each in zip(self._logits(torch.stack(inputs)), windows, strict=True):
            height, width = each.picture
            ids = class_ids(logits, each.size, align_corners=self.align_corners)
            yield ids[:height, :width]

    def class_ids(self, picture: Pixels) -> Pixels:
        """Picture HxWxC -> the most likely class of each pixel, HxW."""
        height, width = _size(picture)
        windows = windows_of((height, width), self.segment)
        if len(windows) == 1 and not self._scales:
            (single,) = self.class_ids_of([picture])
            return single
        return np.concatenate([ids for _, ids in self.strips(Held(picture))])

    def strips(self, picture: Bands) -> Iterator[tuple[int, Pixels]]:
        """Yield the most likely class of each pixel in strips of rows: their top, and ids hxW.

        Memory grows with the width of the picture alone. Raises `DataError` for a large picture
        that is to be segmented whole.
        """
        windows = windows_of(picture.size, self.segment)
        check_windows(windows)
        pieces = self._pieces(picture, windows)
        for top, row in groupby(pieces, key=lambda piece: piece[0]):
            ids = [scores.argmax(0).to(torch.uint8).cpu().numpy() for _, _, scores in row]
            yield top, np.concatenate(ids, axis=1)

    def probable_strips(
        self, picture: Bands, temperature: float
    ) -> Iterator[tuple[int, Pixels, NDArray[np.float16]]]:
        """Yield what `strips` yields, and the probabilities hxWxC of the classes."""
        windows = windows_of(picture.size, self.segment)
        check_windows(windows)
        for top, row in groupby(self._pieces(picture, windows), key=lambda piece: piece[0]):
            ids, shares = [], []
            for _, _, scores in row:
                ids.append(scores.argmax(0).to(torch.uint8).cpu().numpy())
                probabilities = (scores.float() / temperature).softmax(0)
                shares.append(probabilities.movedim(0, -1).half().cpu().numpy())
            yield top, np.concatenate(ids, axis=1), np.concatenate(shares, axis=1)

    def pieces(self, picture: Pixels) -> Iterator[Piece]:
        """Yield the scores of a picture HxWxC in rectangles that cover it, from the top.

        Scores are logits, or logarithms of mean probabilities where flips or scales are averaged.
        Only what the next windows overlap is kept, so that memory grows with the width alone.
        """
        yield from self._pieces(Held(picture), windows_of(_size(picture), self.segment))

    def _pieces(self, picture: Bands, windows: Windows) -> Iterator[Piece]:
        return blended(self._scores(picture, windows), windows)

    @property
    def _scales(self) -> list[float]:
        scales = self.segment.prediction.scales
        return [] if scales in ([], [1.0]) else list(scales)

    def _scores(self, picture: Bands, windows: Windows) -> Iterator[Tensor]:
        """Yield the scores of each window at its size in the picture."""
        if not self._scales:
            yield from self._of_windows(picture, windows)
            return
        margin = round(windows.size[0] / min(1.0, *self._scales)) - windows.size[0] + 1
        for top, left in windows:
            band, above = _band(picture, top - margin, top + windows.size[0] + margin)
            place = top - above, left
            probabilities = [
                self._scaled(band, place, windows, scale).softmax(0) for scale in self._scales
            ]
            yield _log_mean(probabilities)

    def _of_windows(self, picture: Bands, windows: Windows) -> Iterator[Tensor]:
        places, (height, _) = list(windows), windows.size
        for start in range(0, len(places), self.batch_size):
            chosen = places[start : start + self.batch_size]
            band, above = _band(picture, chosen[0][0], chosen[-1][0] + height)
            images = [
                window_input(band, (top - above, left), windows.size, self.segment)
                for top, left in chosen
            ]
            for logits in self._logits(torch.stack(images)):
                yield resize_logits(logits[None], windows.size, align_corners=self.align_corners)[0]

    def _scaled(
        self, picture: Pixels, place: tuple[int, int], windows: Windows, scale: float
    ) -> Tensor:
        """Scores of a window whose objects have `scale` times their size for the model.

        Enlarged, the window is covered by smaller ones; reduced, it is the middle of a larger one.
        """
        height, width = windows.size
        size = max(1, round(height / scale)), max(1, round(width / scale))
        if size[0] > height or size[1] > width:
            above, before = (size[0] - height) // 2, (size[1] - width) // 2
            at = place[0] - above, place[1] - before
            image = window_input(picture, at, size, self.segment)[None]
            scores = resize_logits(self._logits(image), size, align_corners=self.align_corners)[0]
            return scores[:, above : above + height, before : before + width]
        part = cut(picture, place, windows.size)
        within = Windows.over(windows.size, size, self.segment.size)
        pieces = blended(self._of_windows(Held(part), within), within)
        rows = [list(row) for _, row in groupby(pieces, key=lambda piece: piece[0])]
        return torch.cat([torch.cat([p[2] for p in row], dim=2) for row in rows], dim=1)

    def _logits(self, images: Tensor) -> Tensor:
        """Logits of images, or the logarithm of the mean probabilities of their mirror images."""
        flips = _FLIPS.get(self.segment.prediction.flip)
        if flips is None:
            return self.model(images).float()
        probabilities = [
            self.model(images.flip(axes)).float().softmax(1).flip(axes) for axes in flips
        ]
        return _log_mean(probabilities)


def segmenter_of(predictor: Predictor, segment: DatasetSegment, *, batch_size: int) -> Segmenter:
    """Return what segments pictures with a loaded model."""
    corners = predictor.record.model["decode_head"]["align_corners"]
    return Segmenter(predictor.logits, segment, corners, batch_size)


def said_of_windows(path: Path, picture: Size, segment: DatasetSegment) -> str:
    """Return a line about a picture that is segmented by windows without being asked to, or ""."""
    if segment.resize == "crop" or segment.prediction.mode == "slide":
        return ""
    if not is_slid(picture, segment):
        return ""
    (height, width), (window_height, window_width) = picture, window_size(segment)
    return (
        f"{path.name}: {width}x{height} pixels are more than {MUCH_LARGER} times the pictures of"
        f" the training ({window_width}x{window_height}), so it is segmented by overlapping"
        " windows of that size; dataset.segment.prediction.mode=whole shrinks it instead"
    )


def _size(picture: Pixels) -> Size:
    return picture.shape[0], picture.shape[1]


def _band(picture: Bands, top: int, bottom: int) -> tuple[Pixels, int]:
    """Return the rows of a picture that are within it, and the first of them."""
    first = max(top, 0)
    return picture.rows(first, min(bottom, picture.size[0])), first


def _log_mean(probabilities: list[Tensor]) -> Tensor:
    # Never minus infinity, which would not survive an interpolation.
    mean = torch.stack(probabilities).mean(0)
    return mean.clamp_min(torch.finfo(mean.dtype).tiny).log()


def blended(scores: Iterator[Tensor], windows: Windows) -> Iterator[Piece]:
    """Yield the weighted sums of windows' scores Cxhxw, in rectangles that no later one covers."""
    height, width = windows.picture
    rows, columns = windows.weights()
    below: Tensor | None = None
    for (top, next_top), down in zip(pairwise([*windows.tops, height]), rows, strict=True):
        above, below = below, None
        beside: Tensor | None = None
        for (left, next_left), along in zip(
            pairwise([*windows.lefts, width]), columns, strict=True
        ):
            part = next(scores)[:, : len(down), : len(along)]
            part = part * part.new_tensor(down)[:, None] * part.new_tensor(along)
            if beside is not None:
                part[:, :, : beside.shape[2]] += beside
            done, beside = part[:, :, : next_left - left], part[:, :, next_left - left :]
            if above is not None:
                done[:, : above.shape[1]] += above[:, :, left:next_left]
            unfinished = done[:, next_top - top :]
            if unfinished.shape[1]:
                if below is None:
                    below = done.new_empty(len(done), unfinished.shape[1], width)
                below[:, :, left:next_left] = unfinished
            yield top, left, done[:, : next_top - top]


def class_ids(logits: Tensor, size: Size, *, align_corners: bool) -> Pixels:
    """Logits Cxhxw -> the most likely class of each pixel, HxW.

    Upsamples one class at a time: a large image would not fit in memory C times.
    """
    best: Tensor | None = None
    ids = torch.zeros(size, dtype=torch.uint8, device=logits.device)
    for index, single in enumerate(logits.float()):
        score = F.interpolate(
            single[None, None], size=size, mode="bilinear", align_corners=align_corners
        )[0, 0]
        if best is None:
            best = score
            continue
        ids[score > best] = index
        best = torch.maximum(best, score)
    return ids.cpu().numpy()
