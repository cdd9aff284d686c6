"""A page of a data set: its tables, and overlays of its masks with a legend. Opens offline."""

import base64
from collections.abc import Iterator, Sequence
from html import escape
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image

from segformer.data.labels import IGNORED
from segformer.data.load import load_pair
from segformer.data.overlay import Pixels, class_colours, overlay
from segformer.data.summary import DataSummary, PairSummary
from segformer.errors import DataError
from segformer.storage.atomic import replacing

_PICTURES = 24
_WIDTH = 320
"""Pixels of a picture on the page; larger ones are reduced."""

_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 1100px; margin: 2rem auto; padding: 0 1rem;
  color: #1b1f24; background: #fff }
table { border-collapse: collapse; margin: 1rem 0; display: block; overflow-x: auto }
td, th { padding: .25rem .75rem; border-bottom: 1px solid #d8dee4; text-align: right }
td:first-child, th:first-child { text-align: left }
.legend span { display: inline-block; margin-right: 1rem }
.legend i { display: inline-block; width: 1em; height: 1em; margin-right: .4em;
  vertical-align: -.1em; border: 1px solid #0006 }
.pictures { display: grid; grid-template-columns: repeat(auto-fill, minmax(240px, 1fr)); gap: 1rem }
figure { margin: 0 } img { width: 100%; image-rendering: auto }
figcaption { font-size: 13px; overflow-wrap: anywhere }
li.warning { color: #8a4600 } li.fault { color: #a40e26 }
@media (prefers-color-scheme: dark) { body { color: #e6edf3; background: #0d1117 }
  td, th { border-color: #30363d } li.warning { color: #e3b341 } li.fault { color: #ff7b72 } }
"""


def write_page(summary: DataSummary, path: Path) -> None:
    """Write the page; raises `DataError` if it cannot be written."""
    title = f"Data set {summary.segment.root_dir}"
    colours = class_colours(summary.segment)
    body = "\n".join(
        [
            f"<h1>{escape(title)}</h1>",
            *_lines(summary.notes, "note"),
            *_lines(summary.warnings, "warning"),
            *_lines(summary.faults, "fault"),
            "<h2>Splits</h2>", _split_table(summary),
            "<h2>Classes</h2>", _class_table(summary),
            "<h2>Images</h2>", _legend(summary.classes, colours),
            f'<div class="pictures">{"".join(_figures(summary, colours))}</div>',
        ]
    )  # fmt: skip
    page = (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<style>{_STYLE}</style></head><body>{body}</body></html>\n"
    )
    try:
        with replacing(path) as part:
            part.write_text(page, encoding="utf-8", errors="replace")
    except OSError as error:
        raise DataError(f"{path}: cannot be written ({error.strerror})") from None


def _lines(lines: Sequence[str], kind: str) -> list[str]:
    items = "".join(f'<li class="{kind}">{escape(line)}</li>' for line in lines)
    return [f"<ul>{items}</ul>"] if lines else []


def _split_table(summary: DataSummary) -> str:
    head = ("split", "images", "smallest", "median", "largest", "masks of class 0 alone", "ignored")
    rows = [
        (
            s.name, str(s.images), *(f"{w}x{h}" for w, h in (s.smallest, s.median, s.largest)),
            str(s.empty_masks), f"{s.ignored_share:.2%}",
        )
        for s in summary.splits
    ]  # fmt: skip
    return _table(head, rows)


def _class_table(summary: DataSummary) -> str:
    head = ["class"]
    for split in summary.splits:
        head += [f"{split.name}: of pixels", f"{split.name}: of images"]
    rows = []
    for name in summary.classes:
        shares = [
            f"{v:.2%}" for s in summary.splits for v in (s.pixel_shares[name], s.image_shares[name])
        ]
        rows.append((name, *shares))
    return _table(head, rows)


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    top = "".join(f"<th>{escape(cell)}</th>" for cell in head)
    body = "".join(
        f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in rows
    )
    return f"<table><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table>"


def _legend(names: Sequence[str], colours: Pixels) -> str:
    entries = [*enumerate(names), (IGNORED, "ignored")]
    spans = [
        f'<span><i style="background:rgb({",".join(map(str, colours[i].tolist()))})"></i>'
        f"{escape(name)}</span>"
        for i, name in entries
    ]
    return f'<p class="legend">{"".join(spans)}</p>'


def _figures(summary: DataSummary, colours: Pixels) -> Iterator[str]:
    names = summary.classes
    for each in _chosen(summary.pairs):
        loaded = load_pair(each.pair, summary.segment)
        picture = Image.fromarray(overlay(loaded.image, loaded.ids, colours))
        picture.thumbnail((_WIDTH, _WIDTH))
        classes = [names[i] for i in np.unique(loaded.ids).tolist() if i != IGNORED]
        caption = f"{each.split}/{each.pair.image.name}: {', '.join(classes)}"
        yield (
            f'<figure><img alt="{escape(caption)}" src="data:image/png;base64,{_png(picture)}">'
            f"<figcaption>{escape(caption)}</figcaption></figure>"
        )


def _chosen(pairs: Sequence[PairSummary]) -> list[PairSummary]:
    """Return pairs spread evenly over all splits."""
    if len(pairs) <= _PICTURES:
        return list(pairs)
    return [pairs[index * len(pairs) // _PICTURES] for index in range(_PICTURES)]


def _png(picture: Image.Image) -> str:
    buffer = BytesIO()
    picture.save(buffer, "PNG")
    return base64.b64encode(buffer.getvalue()).decode("ascii")
