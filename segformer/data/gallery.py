"""Pictures of a data set: overlays, class by class, a batch as the model sees it, near copies.

Loads torch, which the tables of a data set do without.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from io import BytesIO
from itertools import islice

import numpy as np
from PIL import Image

from segformer.data.batch import first_items
from segformer.data.channels import composite
from segformer.data.labels import IGNORED
from segformer.data.leaks.leaks import Leak
from segformer.data.load import load_image, load_pair
from segformer.data.overlay import Pixels, class_colours, overlay
from segformer.data.scan import ScannedPair
from segformer.data.summary import DataSummary
from segformer.data.unusual import unusual

SIDE = 192
"""The longer side of a picture in pixels, at most."""
_IMAGES = 12
_CLASSES = 12
_BATCH = 8
_COPIES = 12


@dataclass(frozen=True)
class Picture:
    """A picture HxWx3 and the text below it."""

    caption: str
    pixels: Pixels


@dataclass(frozen=True)
class Gallery:
    """Pictures under a title."""

    name: str
    title: str
    note: str
    pictures: Sequence[Picture]


def galleries(summary: DataSummary, *, seed: int = 0) -> Iterator[Gallery]:
    """Yield the galleries that have pictures; `seed` is the one of the training."""
    colours = class_colours(summary.segment)

    def labelled(pair: ScannedPair, caption: str) -> Picture:
        loaded = load_pair(pair.pair, summary.segment)
        return Picture(caption, _small(overlay(loaded.image, loaded.ids, colours)))

    for gallery in (
        Gallery("images", "Images", "Masks over the images.", _images(summary, labelled)),
        Gallery(
            "classes",
            "Typical and strange",
            "Of each class, the rarest first, the image most like the others that show it, and the "
            "least like them.",
            _classes(summary, labelled),
        ),
        Gallery(
            "batch",
            "What the model sees",
            "The first training images of the first epoch, resized and augmented, and their masks "
            "over them. Ignored pixels are striped.",
            _batch(summary, colours, seed),
        ),
        Gallery(
            "copies",
            "Images that show the same",
            "Both images of a pair, those of different splits first.",
            [_side_by_side(summary, leak) for leak in summary.leaks.pairs[:_COPIES]],
        ),
    ):
        if gallery.pictures:
            yield gallery


def legend(summary: DataSummary) -> list[tuple[str, str]]:
    """Return the names of classes and of what is ignored, with their colours #rrggbb."""
    colours = class_colours(summary.segment)
    entries = [*enumerate(summary.classes), (IGNORED, "ignored")]
    return [(name, "#{:02x}{:02x}{:02x}".format(*colours[i].tolist())) for i, name in entries]


def webp(pixels: Pixels) -> bytes:
    """Return a picture as WebP, half its size as JPEG."""
    buffer = BytesIO()
    Image.fromarray(pixels).save(buffer, "WEBP", quality=60, use_sharp_yuv=True)
    return buffer.getvalue()


def _images(summary: DataSummary, labelled: Callable[[ScannedPair, str], Picture]) -> list[Picture]:
    """Return pictures of images that are spread evenly over all splits."""
    pairs, names = summary.pairs, summary.classes
    count = min(_IMAGES, len(pairs))
    chosen = [pairs[index * len(pairs) // count] for index in range(count)]
    return [
        labelled(pair, f"{pair.name}: {', '.join(names[i] for i in sorted(pair.classes))}")
        for pair in chosen
    ]


def _classes(
    summary: DataSummary, labelled: Callable[[ScannedPair, str], Picture]
) -> list[Picture]:
    totals = sum((p.pixels for p in summary.pairs), np.zeros(256))
    rarest = sorted(range(len(summary.classes)), key=lambda i: float(totals[i]))
    pictures = []
    for one in islice(filter(None, (unusual(summary.pairs, i) for i in rarest)), _CLASSES):
        name = summary.classes[one.label_id]
        pictures.append(labelled(one.typical, f"{name}, typical: {one.typical.name}"))
        if one.strangest is not None:
            caption = f"{name}, strangest: {one.strangest.name}: {one.reason}"
            pictures.append(labelled(one.strangest, caption))
    return pictures


def _batch(summary: DataSummary, colours: Pixels, seed: int) -> list[Picture]:
    return [
        Picture(
            name,
            _small(np.concatenate([composite(image), overlay(image, ids, colours)], axis=1), 2),
        )
        for name, image, ids in first_items(summary.segment, summary.pairs, _BATCH, seed=seed)
    ]


def _side_by_side(summary: DataSummary, leak: Leak) -> Picture:
    images = (load_image(each.path, summary.segment) for each in (leak.first, leak.second))
    parts = [
        np.asarray(Image.fromarray(composite(image.pixels)).resize((SIDE, SIDE)))
        for image in images
    ]
    caption = f"{leak.first.name} and {leak.second.name}: {leak.how}"
    return Picture(caption, _small(np.concatenate(parts, axis=1)))


def _small(picture: Pixels, columns: int = 1) -> Pixels:
    image = Image.fromarray(picture)
    image.thumbnail((SIDE * columns, SIDE))
    return np.asarray(image)
