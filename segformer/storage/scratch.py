"""A folder for intermediate files, off the disk if models are encrypted."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from segformer.errors import SpecError
from segformer.storage.encryption import has_key

IN_MEMORY = Path("/dev/shm")
"""Linux keeps the files in this folder in memory."""


@contextmanager
def scratch() -> Iterator[Path]:
    """Give a folder that is deleted afterwards.

    With a key it is in memory, as are the temporary files of libraries that are called inside,
    which do not encrypt. Raises `SpecError` on a machine without `IN_MEMORY`.
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
    with tempfile.TemporaryDirectory(dir=IN_MEMORY) as folder, _temporary_files_in(folder):
        yield Path(folder)


@contextmanager
def _temporary_files_in(folder: str) -> Iterator[None]:
    """Let `tempfile` put its files there: onnxruntime and ModelOpt take no folder as argument.

    It holds for every thread of the process, which is what is wanted: they calibrate in threads.
    """
    before = tempfile.tempdir
    tempfile.tempdir = folder
    try:
        yield
    finally:
        tempfile.tempdir = before
