"""What a folder takes on the disk, and what is free there."""

import shutil
from contextlib import suppress
from pathlib import Path

RESERVE = 16 << 20
"""Bytes that stay free, for the journal and the results of an experiment."""


def free_bytes(path: Path) -> int:
    """Return the bytes that are free where a path is, or would be."""
    path = path.resolve()
    while not path.exists():
        path = path.parent
    return shutil.disk_usage(path).free


def folder_size(folder: Path) -> int:
    """Return the bytes of a folder's files, at any depth; links take none, nor do lost files."""
    total = 0
    for path in folder.rglob("*"):
        # A file may be removed while the folder is read.
        with suppress(OSError):
            if path.is_file() and not path.is_symlink():
                total += path.stat().st_size
    return total
