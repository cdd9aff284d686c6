"""Writes PNG files row by row, so that no mask or overlay is held at once.

Needs numpy alone: `infer.py`, which runs without this package, has a copy.
"""

import struct
import zlib
from types import TracebackType
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray


class PngRows:
    """A PNG of class ids with a palette, or of RGB pixels; complete when the context ends."""

    def __init__(
        self, file: BinaryIO, size: tuple[int, int], *, palette: bytes | None = None
    ) -> None:
        """Write the head.

        Args:
            file: Open for writing.
            size: Height and width.
            palette: Red, green and blue of each class id; None for RGB.
        """
        self._file, self._is_rgb = file, palette is None
        # Most of a mask repeats the row above it; of a photograph nothing does.
        self._deflate = zlib.compressobj(1 if self._is_rgb else 6)
        self._above: NDArray[np.uint8] | None = None
        height, width = size
        file.write(b"\x89PNG\r\n\x1a\n")
        self._write(
            b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2 if self._is_rgb else 3, 0, 0, 0)
        )
        if palette is not None:
            self._write(b"PLTE", palette)

    def __enter__(self) -> "PngRows":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is None:
            self._write(b"IDAT", self._deflate.flush())
            self._write(b"IEND", b"")

    def add(self, rows: NDArray[np.uint8]) -> None:
        """Append ids hxW, or pixels hxWx3."""
        flat = rows.reshape(len(rows), -1)
        filtered = np.zeros((len(flat), flat.shape[1] + 1), dtype=np.uint8)
        filtered[:, 1:] = flat
        if self._is_rgb:
            filtered[:, 0] = 2  # Each byte less the one above it.
            filtered[1:, 1:] -= flat[:-1]
            if self._above is not None:
                filtered[0, 1:] -= self._above
            self._above = flat[-1].copy()
        if content := self._deflate.compress(filtered.tobytes()):
            self._write(b"IDAT", content)

    def _write(self, name: bytes, content: bytes) -> None:
        checksum = struct.pack(">I", zlib.crc32(name + content))
        self._file.write(struct.pack(">I", len(content)) + name + content + checksum)
