"""A summary of a data set as folders of pictures with a report.json, which a controller shows."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from segformer.data.gallery import Gallery, galleries, legend, webp
from segformer.data.summary import DataSummary, class_table, split_table
from segformer.storage.atomic import replacing


def write_summary_report(summary: DataSummary, folder: Path, *, seed: int = 0) -> None:
    """Write a folder for the tables and one for each gallery, in the order of their names."""
    _write(folder / "0-summary", _tables(summary))
    for number, gallery in enumerate(galleries(summary, seed=seed), start=1):
        _write_gallery(folder / f"{number}-{gallery.name}", gallery)


def _tables(summary: DataSummary) -> Mapping[str, Any]:
    colours = dict(legend(summary))
    head, rows = class_table(summary)
    marked = [[name, {"colour": colours[name]}, *shares] for name, *shares in rows]
    return {
        "title": _shown(summary.segment.root_dir),
        "note": "; ".join([*summary.notes, *summary.warnings]),
        "tables": [
            _table("Splits", *split_table(summary)),
            _table("Classes", [head[0], "colour", *head[1:]], marked),
        ],
    }


def _shown(root: str) -> str:
    """Return a folder below the working folder as the user would name it."""
    here = Path.cwd()
    return str(Path(root).relative_to(here)) if Path(root).is_relative_to(here) else root


def _table(title: str, head: Sequence[str], rows: Sequence[Sequence[Any]]) -> Mapping[str, Any]:
    return {"title": title, "columns": head, "rows": rows}


def _write_gallery(folder: Path, gallery: Gallery) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    images = []
    for number, picture in enumerate(gallery.pictures):
        name = f"{number:02}.webp"
        (folder / name).write_bytes(webp(picture.pixels))
        images.append({"file": name, "caption": picture.caption})
    _write(folder, {"title": gallery.title, "note": gallery.note, "images": images})


def _write(folder: Path, content: Mapping[str, Any]) -> None:
    with replacing(folder / "report.json") as part:
        part.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", "utf-8")
