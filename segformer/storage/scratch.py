"""A folder for what is made on the way to a model, and is of no use after."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from segformer.errors import SpecError
from segformer.storage.encryption import has_key

IN_MEMORY = Path("/dev/shm")
"""Where Linux keeps files that are never on a disk."""


@contextmanager
def scratch() -> Iterator[Path]:
    """Give a folder that is gone afterwards.

    Where a key is set, it is in memory, and so are the temporary files of the libraries that are
    called inside: they know nothing of the key. Raises `SpecError` where there is no such place.
    """
    if not has_key():
        with tempfile.TemporaryDirectory() as folder:
            yield Path(folder)
        return
    if not os.access(IN_MEMORY, os.W_OK):
        raise SpecError(
            f"encryption_key: models are quantized by way of files, and {IN_MEMORY}, which keeps "
            "them off the disk, cannot be written to; run this on Linux, or without a key"
        )
    before = tempfile.tempdir
    with tempfile.TemporaryDirectory(dir=IN_MEMORY) as folder:
        tempfile.tempdir = folder
        try:
            yield Path(folder)
        finally:
            tempfile.tempdir = before
