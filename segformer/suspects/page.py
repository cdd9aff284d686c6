"""A page of masks in doubt: image, mask and prediction side by side. Opens offline."""

from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from segformer.data.gallery import webp
from segformer.errors import DataError
from segformer.storage.atomic import replacing

Pixels = NDArray[np.uint8]
Box = tuple[int, int, int, int]

_SIDE = 320
_FRAME = (255, 0, 255)
_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 1100px; margin: 2rem auto; padding: 0 1rem;
  color: #1b1f24; background: #fff }
.row { display: grid; grid-template-columns: repeat(3, minmax(0, 1fr)); gap: .5rem }
h2 { font-size: 17px; margin: 2rem 0 .25rem; overflow-wrap: anywhere } img { width: 100% }
figure { margin: 0 } figcaption { font-size: 13px }
@media (prefers-color-scheme: dark) { body { color: #e6edf3; background: #0d1117 } }
"""


@dataclass(frozen=True)
class Row:
    """A title, lines below it, and three pictures: image, mask, prediction."""

    title: str
    lines: Sequence[str]
    pictures: Sequence[Pixels]


def framed(picture: Pixels, boxes: Sequence[Box]) -> Pixels:
    """Return a picture HxWx3, scaled down, with a frame around each (left, top, width, height)."""
    image = Image.fromarray(picture)
    image.thumbnail((_SIDE, _SIDE))
    scale = image.width / picture.shape[1]
    draw = ImageDraw.Draw(image)
    for left, top, width, height in boxes:
        corners = (left, top, left + width, top + height)
        draw.rectangle([scale * each for each in corners], outline=_FRAME)
    return np.asarray(image)


def write_page(path: Path, rows: Sequence[Row]) -> None:
    """Write the page; raises `DataError` if it cannot be written."""
    body = "".join(map(_row, rows))
    page = (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Masks in doubt</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<style>{_STYLE}</style></head><body><h1>Masks in doubt</h1>{body}</body></html>\n"
    )
    try:
        with replacing(path) as part:
            part.write_text(page, encoding="utf-8", errors="replace")
    except OSError as error:
        raise DataError(f"{path}: cannot be written ({error.strerror})") from None


def _row(row: Row) -> str:
    lines = "".join(f"<li>{escape(line)}</li>" for line in row.lines)
    figures = "".join(
        f'<figure><img alt="{name} of {escape(row.title)}" src="data:image/webp;base64,'
        f'{b64encode(webp(picture)).decode("ascii")}"><figcaption>{name}</figcaption></figure>'
        for name, picture in zip(("image", "mask", "prediction"), row.pictures, strict=True)
    )
    return f'<h2>{escape(row.title)}</h2><ul>{lines}</ul><div class="row">{figures}</div>'
