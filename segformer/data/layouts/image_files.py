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
        relative = unquoted(name)
        for folder in [*folders, self._root]:
            if (
                relative
                and (path := folder / relative).is_file()
                and place_within(path, self._root) is not None
            ):
                return path
        key = _key(relative.rpartition("/")[2])
        paths = self._by_name.get(key, [])
        if len(paths) > 1:
            paths = [path for path in paths if _key(path.as_posix()).endswith(f"/{_key(relative)}")]
        return paths[0] if len(paths) == 1 else None

    def leads_out(self, name: str, folders: Sequence[Path] = ()) -> bool:
        """Whether a name climbs out of the folder from each place that it may start at."""
        relative = unquoted(name)
        is_climbing = ".." in relative.split("/") and not relative.startswith("/")
        return is_climbing and all(
            place_within(each / relative, self._root) is None for each in folders if each.is_dir()
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


def unquoted(name: str) -> str:
    """Return a name with / between its folders and without the codes of an address."""
    return unquote(name).strip().replace("\\", "/").removeprefix("./")


def _key(name: str) -> str:
    return unicodedata.normalize("NFC", name).casefold()
