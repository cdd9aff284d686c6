"""Writes docs/skill-text.md, the requirements of the skill text as a table, from its YAML file."""

from pathlib import Path
from typing import Any

import yaml

HERE = Path(__file__).parent
ROWS = HERE / "skill-text.yaml"
PAGE = HERE / "skill-text.md"

_HEAD = """\
# The skill text, row by row

NVIDIA's text of the skill `tao-train-segformer`, requirement by requirement: what it asks, in our
own words, the test that runs it, and how far it holds here. `docs/skill-text.yaml` has the rows;
`python docs/skill_text.py` writes this page. C1 to C5 are the skill's card.

"""


def rows() -> list[dict[str, Any]]:
    """Return the rows as they stand in the file."""
    content: list[dict[str, Any]] = yaml.safe_load(ROWS.read_text(encoding="utf-8"))
    return content


def page(content: list[dict[str, Any]]) -> str:
    """Return the page of some rows: a summary, then the table."""
    counts = {status: 0 for status in ("holds", "differs", "needs a GPU")}
    for row in content:
        counts[row["status"]] += 1
    summary = ", ".join(f"{count} {status}" for status, count in counts.items() if count)
    lines = [f"{len(content)} rows: {summary}.", "", "| row | asked | status | test |"]
    lines.append("| --- | --- | --- | --- |")
    return _HEAD + "\n".join([*lines, *map(_line, content)]) + "\n"


def _line(row: dict[str, Any]) -> str:
    status = row["status"] + (f": {row['why']}" if "why" in row else "")
    test = row["test"] if "::" not in row["test"] else f"`{row['test']}`"
    return f"| {row['row']} | {row['asks']} | {status} | {test} |"


if __name__ == "__main__":
    PAGE.write_text(page(rows()), encoding="utf-8")
