"""Results of the scripts: a JSON object in each line of a file, so that a stop costs one."""

import json
from pathlib import Path
from typing import Any

Row = dict[str, Any]


def rows_of(path: Path) -> list[Row]:
    """Return the rows of a file; none if it is not there."""
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    return [json.loads(line) for line in lines]


def append(path: Path, row: Row) -> None:
    """Write a further row."""
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(row) + "\n")
