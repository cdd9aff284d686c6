"""Progress that cannot be shown, as its reader or terminal has gone, is no reason to stop."""

import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TextIO


@contextmanager
def unbroken_stderr() -> Iterator[None]:
    """Let writes to stderr fail without an error while the context is open.

    Of a process that was started without it, as by 2>&-, Python has None in its place.
    """
    stream = sys.stderr
    with nullcontext(stream) if stream is not None else Path(os.devnull).open("w") as there:
        sys.stderr = _Unbroken(there)
        try:
            yield
        finally:
            sys.stderr = stream


class Passing(io.TextIOBase):
    """A stream in front of another, of which it has the encoding and the descriptor."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    @property
    def encoding(self) -> str:  # type: ignore[override]
        """The encoding of the stream."""
        return self._stream.encoding

    def fileno(self) -> int:
        """Return the stream's descriptor, which child processes inherit."""
        return self._stream.fileno()

    def isatty(self) -> bool:
        """Whether the stream is a terminal."""
        return self._stream.isatty()

    def writable(self) -> bool:
        """Return True."""
        return True


class _Unbroken(Passing):
    """Passes text on until that fails, and drops it from then on."""

    def __init__(self, stream: TextIO) -> None:
        super().__init__(stream)
        self._is_broken = False

    def write(self, text: str) -> int:
        """Write, unless an earlier write failed."""
        if not self._is_broken:
            try:
                self._stream.write(text)
            except OSError:
                self._is_broken = True
        return len(text)

    def flush(self) -> None:
        """Flush, unless an earlier write failed."""
        if not self._is_broken:
            try:
                self._stream.flush()
            except OSError:
                self._is_broken = True
