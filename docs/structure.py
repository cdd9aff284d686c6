"""Draws the levels of the packages into docs/structure.md, from tests/helpers/layers.py.

    python docs/structure.py

What a part holds is the first sentence of its docstring.
"""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "tests" / "helpers"))

from layers import LEVELS  # noqa: E402

PAGE = ROOT / "docs" / "structure.md"


def main() -> None:
    """Write the page again, with the pictures as the code is now."""
    PAGE.write_text(drawn(PAGE.read_text()))


def drawn(text: str) -> str:
    """Return the page's text with the picture of each package between its two markers."""
    for package in LEVELS:
        begin, end = f"<!-- levels of {package}: begin -->\n", f"<!-- levels of {package}: end -->"
        before, rest = text.split(begin)
        picture = "".join(f"{line}\n" for line in _picture(package))
        text = before + begin + picture + end + rest.split(end)[1]
    return text


def _picture(package: str) -> Iterator[str]:
    """Yield a line for each level, highest first, and a table of the parts."""
    levels = [level for level in LEVELS[package] if level != ["__main__", "__init__"]]
    yield "```text"
    for height, level in zip(range(len(levels), 0, -1), levels, strict=True):
        yield f"{height}   " + "   ".join(_shown(package, part) for part in level)
    yield from ("```", "", "| part | holds |", "| --- | --- |")
    for part in (part for level in levels for part in level):
        yield f"| `{_shown(package, part)}` | {_summary(package, part)} |"


def _shown(package: str, part: str) -> str:
    return f"{part}/" if (ROOT / package / part).is_dir() else f"{part}.py"


def _summary(package: str, part: str) -> str:
    """Return the first sentence of the part's docstring."""
    path = ROOT / package / part
    path = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    doc = ast.get_docstring(ast.parse(path.read_text())) or ""
    return " ".join(doc.split("\n\n")[0].split()).replace("|", "\\|")


if __name__ == "__main__":
    main()
