"""Finds image files by the names that files of annotations give them."""

import os
import unicodedata
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from urllib.parse import unquote

from segformer.data.layouts.names import files_below, listed
from segformer.data.pairs import is_image_file


class ImageFiles:
    """The image files of a folder and below it; those below are listed when they are asked for."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def find(self, name: str, folders: Sequence[Path] = ()) -> Path | None:
        """Return the file of a name: in one of some folders, else the only one below that has it.

        A name may have folders before it, of another machine or with the separators of Windows.
        A file outside is none of this data set, whatever a name says.
        """
        names = [spelled for spelled in spellings(name) if spelled]
        for path in (folder / each for folder in [*folders, self._root] for each in names):
            if path.is_file() and place_within(path, self._root) is not None:
                return path
        return next(filter(None, map(self._only, names)), None)

    def _only(self, relative: str) -> Path | None:
        """Return the only file whose path ends so, if there is one."""
        paths = self._by_name.get(_key(relative.rpartition("/")[2]), [])
        if len(paths) > 1:
            paths = [path for path in paths if _key(path.as_posix()).endswith(f"/{_key(relative)}")]
        return paths[0] if len(paths) == 1 else None

    def leads_out(self, name: str, folders: Sequence[Path] = ()) -> bool:
        """Whether a name climbs out of the folder from each place that it may start at."""
        return any(
            ".." in each.split("/")
            and not each.startswith("/")
            and all(place_within(f / each, self._root) is None for f in folders if f.is_dir())
            for each in spellings(name)
        )

    @cached_property
    def _by_name(self) -> dict[str, list[Path]]:
        by_name: dict[str, list[Path]] = {}
        for path in files_below(self._root):
            if is_image_file(path):
                by_name.setdefault(_key(path.name), []).append(path)
        return by_name


def absent_images(
    where: Path, absent: Sequence[str], count: int, root: Path
) -> tuple[list[str], list[str]]:
    """Return the faults and the notes on annotated images that have no file.

    Annotations of more images than there are can be learned from without the others.
    """
    if not absent:
        return [], []
    line = f"{where}: {len(absent)} of {count} images have no file below {root}: {listed(absent)}"
    return ([line], []) if len(absent) == count else ([], [f"{line}; they are left out"])


def place_within(path: Path, root: Path) -> Path | None:
    """Return a path from a folder on, or None for one that is not below it.

    Links are not followed: one within a data set may lead out of it.
    """
    plain, base = (Path(os.path.normpath(each.absolute())) for each in (path, root))
    return plain.relative_to(base) if plain.is_relative_to(base) else None


def spellings(name: str) -> list[str]:
    """Return a name with / between its folders: as it stands, and less the codes of an address."""
    plain = name.strip()
    names = (each.strip().replace("\\", "/") for each in (plain, unquote(plain)))
    return list(dict.fromkeys(each.removeprefix("./") for each in names))


def _key(name: str) -> str:
    return unicodedata.normalize("NFC", name).casefold()
