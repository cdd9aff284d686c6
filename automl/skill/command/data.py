"""The data of a command skill, which only its program can read: does it exist, did it change."""

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from automl.errors import UsageError

_MISSING = "???"
"""How TAO's templates write a value that the user must give."""
_SAMPLE = 1 << 18
"""Bytes that are read at the start, the middle and the end of a larger file."""


def data_summary(
    values: Mapping[str, Any], *, progress: Callable[[int, int], None] | None = None
) -> dict[str, Any]:
    """Return a fingerprint of the files at the places that these keys hold, and their number.

    A key holds a place or a list of them; keys without a value and addresses are left out. The
    fingerprint covers names, sizes and contents, of large files only samples. Raises `UsageError`
    naming all places that do not exist.
    """
    places = [(key, place) for key, value in values.items() for place in _places(value)]
    faults = [f"{key}: there is no {place}" for key, place in places if not place.exists()]
    if faults:
        raise UsageError(*faults)
    files = [(place, file) for _, place in places for file in _files(place)]
    digest = hashlib.sha256()
    for number, (place, file) in enumerate(files, start=1):
        digest.update(f"{file.relative_to(place.parent)}\n{file.stat().st_size}\n".encode())
        for part in _parts(file):
            digest.update(part)
        if progress:
            progress(number, len(files))
    return {"fingerprint": digest.hexdigest()[:16], "files": len(files)} if files else {}


def _places(value: Any) -> Iterator[Path]:
    for place in value if isinstance(value, list | tuple) else [value]:
        if isinstance(place, str) and place not in ("", _MISSING) and "://" not in place:
            yield Path(place)


def _files(place: Path) -> Sequence[Path]:
    if place.is_file():
        return [place]
    return sorted(path for path in place.rglob("*") if path.is_file())


def _parts(file: Path) -> Iterator[bytes]:
    size = file.stat().st_size
    starts = (0,) if size <= 3 * _SAMPLE else (0, size // 2, size - _SAMPLE)
    with file.open("rb") as content:
        for start in starts:
            content.seek(start)
            yield content.read(3 * _SAMPLE if len(starts) == 1 else _SAMPLE)
