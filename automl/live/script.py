"""The script of live pages."""

from functools import cache
from pathlib import Path


@cache
def script() -> str:
    """Return the script that renews a page and sends requests by hand."""
    return (Path(__file__).parent / "live.js").read_text()
