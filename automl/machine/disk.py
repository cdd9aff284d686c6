"""What a folder takes on the disk."""

from contextlib import suppress
from pathlib import Path


def folder_size(folder: Path) -> int:
    """Return the bytes of a folder's files, at any depth; links take none, nor do lost files."""
    total = 0
    for path in folder.rglob("*"):
        # A file may be removed while the folder is read.
        with suppress(OSError):
            if path.is_file() and not path.is_symlink():
                total += path.stat().st_size
    return total
