"""Walks through folders: which are entered, and which names are passed over."""

from pathlib import Path

_OF_THE_SYSTEM = ("__MACOSX", "@eaDir", "lost+found", "$RECYCLE.BIN", "System Volume Information")
"""Folders that file systems and archives leave behind."""


def is_visible(name: str) -> bool:
    """Whether a name is neither hidden nor one of the system."""
    return not name.startswith(".") and name not in _OF_THE_SYSTEM


class Walk:
    """The folders that a walk through one enters, each once although links lead to it again."""

    def __init__(self, base: Path) -> None:
        self._base = base.resolve()
        self._entered = {self._base}

    def enters(self, folder: Path) -> bool:
        """Whether a folder is to be entered: not again, and not by a link if it is met anyway."""
        place = folder.resolve()
        if place in self._entered or (folder.is_symlink() and self._meets(place)):
            return False
        self._entered.add(place)
        return True

    def _meets(self, place: Path) -> bool:
        """Whether the walk meets a folder without links, or has begun within it."""
        if place.is_relative_to(self._base):
            return all(map(is_visible, place.relative_to(self._base).parts))
        return self._base.is_relative_to(place)
