"""Faults of many files in few lines: one a cause, with the count and three examples."""

import re
from collections.abc import Iterable
from pathlib import Path

from segformer.data.matching import SUFFIXES

_EXAMPLES = 3
_NUMBERS = re.compile(r"\d+x\d+|\bline \d+")
"""Sizes and lines of the text, which differ from file to file."""
_PICTURE = rf"[^\s/]+({'|'.join(map(re.escape, SUFFIXES))})\b"


def one_a_cause(faults: Iterable[str]) -> list[str]:
    """Return faults with those that say the same of other files taken together, in order.

    A fault begins with the path of a file; its name in the text, and those of its partner and of
    other pictures, sizes and numbers of lines are not part of the cause.
    """
    causes: dict[str, list[str]] = {}
    for fault in faults:
        causes.setdefault(_cause(fault), []).append(fault)
    return [_line(same) for same in causes.values()]


def _line(same: list[str]) -> str:
    if len(same) == 1:
        return same[0]
    paths = (_path(fault) for fault in same[:_EXAMPLES])
    names = ", ".join(f"{path.parent.name}/{path.name}" for path in paths)
    more = ", ..." if len(same) > _EXAMPLES else ""
    return f"{same[0]} ({len(same)} such files: {names}{more})"


def _path(fault: str) -> Path:
    return Path(_divided(fault)[0])


def _divided(fault: str) -> tuple[str, str]:
    """Return the path that a fault begins with, which may hold a colon itself, and the rest."""
    parts = fault.split(": ")
    ways = ((": ".join(parts[:n]), ": ".join(parts[n:])) for n in range(1, len(parts)))
    return next((way for way in ways if Path(way[0]).exists()), (parts[0], ": ".join(parts[1:])))


def _cause(fault: str) -> str:
    place, text = _divided(fault)
    path = Path(place)
    if not text or not path.stem:
        return fault
    named = re.compile(
        rf"{re.escape(path.name)}|{re.escape(path.stem)}\.(?:\*|[a-z]\w*)|{_PICTURE}", re.I
    )
    return _NUMBERS.sub("*", named.sub("*", text))
