"""The report.json of a skill: images, tables and matrices that an action leaves for the page.

The page embeds the one of the best trial's training and the one of the promoted model's
evaluation; docs/tutorials/own-skill.md describes it.
"""

import base64
import io
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import jsonschema
from PIL import Image

from automl.files import read_bytes
from automl.report.page.charts import matrix
from automl.report.page.markup import esc, note, plot, swatch, table

FILE = "report.json"
MOST_IMAGES = 24
MOST_NAMES = 40
"""Colours of a legend; the table has all."""
LARGEST_IMAGE = 2_000_000
"""Bytes of an embedded image; a larger one is only named."""
LIGHT_IMAGE = 20_000
"""Bytes above which a PNG of a photograph is embedded as WebP; the folder keeps the PNG."""
_KINDS = {".png": "png", ".jpg": "jpeg", ".jpeg": "jpeg", ".webp": "webp"}
_CELL = {
    "anyOf": [
        {"type": ["string", "number", "null"]},
        {
            "type": "object",
            "properties": {"colour": {"type": "string", "pattern": "^#[0-9a-fA-F]{6}$"}},
            "required": ["colour"],
            "additionalProperties": False,
        },
    ]
}
_TEXT = {"type": "string"}
_TEXTS = {"type": "array", "items": _TEXT}


def _object(required: tuple[str, ...], **properties: Any) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(required),
        "additionalProperties": False,
    }


def _list(items: Mapping[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": items}


SCHEMA = _object(
    ("title",),
    title=_TEXT,
    note=_TEXT,
    images=_list(_object(("file",), file=_TEXT, caption=_TEXT)),
    tables=_list(
        _object(("columns", "rows"), title=_TEXT, columns=_TEXTS, rows=_list(_list(_CELL)))
    ),
    matrices=_list(
        _object(
            ("labels", "values"),
            title=_TEXT,
            labels={**_TEXTS, "minItems": 1},
            values=_list(_list({"type": "number", "minimum": 0})),
            rows=_TEXT,
            columns=_TEXT,
        )
    ),
)
"""The contents that report.json may have; see docs/tutorials/own-skill.md."""


def parts(folder: Path, name: str) -> Iterator[str]:
    """Yield the HTML of a folder's report.json, nothing if there is none.

    An invalid one is reported on the page and does not cost the rest of it. `name` begins the
    names of its figures.
    """
    path = folder / FILE
    if not path.exists():
        return
    try:
        content = json.loads(read_bytes(path))
        jsonschema.validate(content, SCHEMA)
        _check_square(content)
    except (OSError, ValueError, jsonschema.ValidationError) as error:
        cause = getattr(error, "message", str(error)).splitlines()[0][:300]
        yield note(f"{path}: cannot be shown: {cause}")
        return
    yield f"<h3>{esc(content['title'])}</h3>"
    if content.get("note"):
        yield note(content["note"])
    yield from _legend(content)
    yield from _images(folder, content.get("images", ()))
    for entry in content.get("tables", ()):
        rows = [[_cell(value) for value in row] for row in entry["rows"]]
        yield _block(entry, table(entry["columns"], rows))
    for number, entry in enumerate(content.get("matrices", ())):
        figure = matrix(
            entry["labels"],
            entry["values"],
            entry.get("rows", "truth"),
            entry.get("columns", "prediction"),
        )
        label = entry.get("title", "confusion matrix")
        side = figure["layout"]["height"]
        content = plot(
            f"{name}-matrix-{number}", figure, label, min_width=side - 40, max_width=side + 130
        )
        yield _block(entry, content)


def _check_square(content: Mapping[str, Any]) -> None:
    for entry in content.get("matrices", ()):
        size = len(entry["labels"])
        if len(entry["values"]) != size or any(len(row) != size for row in entry["values"]):
            raise ValueError(f"a matrix of {size} labels must have {size} rows of {size} values")


def _block(entry: Mapping[str, Any], content: str) -> str:
    title = f"<h4>{esc(entry['title'])}</h4>" if entry.get("title") else ""
    return f'<div class="block">{title}{content}</div>'


def _cell(value: Any) -> Any:
    return swatch(value["colour"]) if isinstance(value, Mapping) else value


def _legend(content: Mapping[str, Any]) -> Iterator[str]:
    """Yield what the colours of the pictures mean, if a table has names beside colours."""
    rows = [row for entry in content.get("tables", ()) for row in entry["rows"]]
    colours = [
        (row[0], cell["colour"])
        for row in rows
        for cell in row
        if isinstance(cell, Mapping) and isinstance(row[0], str)
    ]
    if colours and content.get("images"):
        parts = "".join(
            f"<span>{swatch(colour).html} {esc(name)}</span>"
            for name, colour in dict(colours[:MOST_NAMES]).items()
        )
        yield f'<p class="legend">{parts}</p>'


def _images(folder: Path, images: Any) -> Iterator[str]:
    figures, missing = [], []
    for entry in images[:MOST_IMAGES]:
        source = _source(folder, entry["file"])
        if source is None:
            missing.append(entry["file"])
            continue
        caption = esc(entry.get("caption", ""))
        figures.append(
            f'<figure><img src="{source}" alt="{caption}"><figcaption>{caption}</figcaption>'
            "</figure>"
        )
    if figures:
        yield f'<div class="pictures">{"".join(figures)}</div>'
    if missing:
        yield note(
            f"not shown (missing, outside {folder}, too large or no image): {', '.join(missing)}"
        )
    if len(images) > MOST_IMAGES:
        yield note(f"{len(images) - MOST_IMAGES} more images are in {folder}")


def _source(folder: Path, name: str) -> str | None:
    """Return an image of the folder as a data address; None for any other file."""
    path, kind = (folder / name).resolve(), _KINDS.get(Path(name).suffix.lower())
    if kind is None or not path.is_relative_to(folder.resolve()) or not path.is_file():
        return None
    if path.stat().st_size > LARGEST_IMAGE:
        return None
    content = path.read_bytes()
    if kind == "png" and len(content) > LIGHT_IMAGE and (smaller := _as_webp(content)):
        kind, content = "webp", smaller
    return f"data:image/{kind};base64,{base64.b64encode(content).decode()}"


def _as_webp(png: bytes) -> bytes | None:
    """Return a photograph as WebP of half the size or less; None for whatever PNG holds better."""
    file = io.BytesIO()
    try:
        with Image.open(io.BytesIO(png)) as image:
            image.convert("RGB").save(file, "WEBP", quality=80, use_sharp_yuv=True)
    except (OSError, ValueError):  # The browser shows what there is to see.
        return None
    return file.getvalue() if file.tell() <= len(png) / 2 else None
