"""What a skill shows of its models: the report.json that an action may leave in its results folder.

The page embeds the one of the best trial's training and the one of the promoted model's
evaluation; docs/tutorials/own-skill.md describes it.
"""

import base64
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import jsonschema

from automl.report.page.charts import matrix
from automl.report.page.markup import esc, note, plot, swatch, table

FILE = "report.json"
MOST_IMAGES = 24
LARGEST_IMAGE = 2_000_000
"""Bytes of one image that is embedded; a larger one is named instead."""
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
"""What report.json may hold; see docs/tutorials/own-skill.md."""


def parts(folder: Path, name: str) -> Iterator[str]:
    """Yield the HTML of a folder's report.json; nothing where there is none.

    One that is not understood is said to be so: it must not cost the page. `name` begins the
    names of its figures.
    """
    path = folder / FILE
    if not path.exists():
        return
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        jsonschema.validate(content, SCHEMA)
        _check_square(content)
    except (OSError, ValueError, jsonschema.ValidationError) as error:
        why = getattr(error, "message", str(error)).splitlines()[0][:300]
        yield note(f"{path}: cannot be shown: {why}")
        return
    yield f"<h3>{esc(content['title'])}</h3>"
    if content.get("note"):
        yield note(content["note"])
    yield from _images(folder, content.get("images", ()))
    for told in content.get("tables", ()):
        rows = [[_cell(value) for value in row] for row in told["rows"]]
        yield _block(told, table(told["columns"], rows))
    for number, told in enumerate(content.get("matrices", ())):
        figure = matrix(
            told["labels"],
            told["values"],
            told.get("rows", "truth"),
            told.get("columns", "prediction"),
        )
        yield _block(told, plot(f"{name}-matrix-{number}", figure))


def _check_square(content: Mapping[str, Any]) -> None:
    for told in content.get("matrices", ()):
        size = len(told["labels"])
        if len(told["values"]) != size or any(len(row) != size for row in told["values"]):
            raise ValueError(f"a matrix of {size} labels must have {size} rows of {size} values")


def _block(told: Mapping[str, Any], content: str) -> str:
    title = f"<h4>{esc(told['title'])}</h4>" if told.get("title") else ""
    return f'<div class="block">{title}{content}</div>'


def _cell(value: Any) -> Any:
    return swatch(value["colour"]) if isinstance(value, Mapping) else value


def _images(folder: Path, images: Any) -> Iterator[str]:
    found, missing = [], []
    for told in images[:MOST_IMAGES]:
        source = _source(folder, told["file"])
        if source is None:
            missing.append(told["file"])
            continue
        caption = esc(told.get("caption", ""))
        found.append(
            f'<figure><img src="{source}" alt="{caption}"><figcaption>{caption}</figcaption>'
            "</figure>"
        )
    if found:
        yield f'<div class="pictures">{"".join(found)}</div>'
    if missing:
        yield note(
            f"not shown (gone, outside {folder}, too large or no image): {', '.join(missing)}"
        )
    if len(images) > MOST_IMAGES:
        yield note(f"{len(images) - MOST_IMAGES} more images are in {folder}")


def _source(folder: Path, name: str) -> str | None:
    """Return an image as a data address; None for a file that is none of the folder's images."""
    path, kind = (folder / name).resolve(), _KINDS.get(Path(name).suffix.lower())
    if kind is None or not path.is_relative_to(folder.resolve()) or not path.is_file():
        return None
    if path.stat().st_size > LARGEST_IMAGE:
        return None
    return f"data:image/{kind};base64,{base64.b64encode(path.read_bytes()).decode()}"
