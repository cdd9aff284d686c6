"""A page of a data set: its tables, and overlays of its masks with a legend. Opens offline."""

from base64 import b64encode
from collections.abc import Sequence
from html import escape
from pathlib import Path

from segformer.data.gallery import Gallery, galleries, legend, webp
from segformer.data.summary import DataSummary, class_table, split_table
from segformer.errors import DataError
from segformer.storage.atomic import replacing

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


def write_page(summary: DataSummary, path: Path, *, seed: int = 0) -> None:
    """Write the page; raises `DataError` if it cannot be written."""
    try:
        with replacing(path) as part:
            part.write_text(page(summary, seed=seed), encoding="utf-8", errors="replace")
    except OSError as error:
        raise DataError(f"{path}: cannot be written ({error.strerror})") from None


def page(summary: DataSummary, *, seed: int = 0) -> str:
    """Return the page; `seed` is that of the training whose first batch is drawn."""
    title = f"Data set {summary.segment.root_dir}"
    body = "\n".join(
        [
            f"<h1>{escape(title)}</h1>",
            *_lines(summary.notes, "note"),
            *_lines(summary.warnings, "warning"),
            *_lines(summary.faults, "fault"),
            "<h2>Splits</h2>", _split_table(summary),
            "<h2>Classes</h2>", _class_table(summary), _legend(summary),
            *map(_gallery, galleries(summary, seed=seed)),
        ]
    )  # fmt: skip
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<style>{_STYLE}</style></head><body>{body}</body></html>\n"
    )


def _lines(lines: Sequence[str], kind: str) -> list[str]:
    items = "".join(f'<li class="{kind}">{escape(line)}</li>' for line in lines)
    return [f"<ul>{items}</ul>"] if lines else []


def _split_table(summary: DataSummary) -> str:
    return _table(*split_table(summary))


def _class_table(summary: DataSummary) -> str:
    return _table(*class_table(summary))


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    top = "".join(f"<th>{escape(cell)}</th>" for cell in head)
    body = "".join(
        f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in rows
    )
    return f"<table><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table>"


def _legend(summary: DataSummary) -> str:
    spans = [
        f'<span><i style="background:{colour}"></i>{escape(name)}</span>'
        for name, colour in legend(summary)
    ]
    return f'<p class="legend">{"".join(spans)}</p>'


def _gallery(gallery: Gallery) -> str:
    figures = [
        f'<figure><img alt="{escape(each.caption)}" src="data:image/webp;base64,'
        f'{b64encode(webp(each.pixels)).decode("ascii")}">'
        f"<figcaption>{escape(each.caption)}</figcaption></figure>"
        for each in gallery.pictures
    ]
    return (
        f'<h2 id="{gallery.name}">{escape(gallery.title)}</h2><p>{escape(gallery.note)}</p>'
        f'<div class="pictures">{"".join(figures)}</div>'
    )
