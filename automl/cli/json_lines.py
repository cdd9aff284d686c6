"""Keeps stderr a stream of JSON lines: other text that a library prints becomes one, too."""

import io
import json
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO


def event(what: str, text: str) -> str:
    """Return a line of progress that belongs to no trial."""
    content = {"time": round(time.time(), 3), "what": what, "trial": None, "text": text}
    return json.dumps(content, ensure_ascii=False)


@contextmanager
def json_lines() -> Iterator[None]:
    """Let only JSON lines through to stderr while the context is open."""
    stream = sys.stderr
    sys.stderr = lines = _JsonLines(stream)
    try:
        yield
    finally:
        lines.end()
        sys.stderr = stream


class _JsonLines(io.TextIOBase):
    """Passes JSON objects on; any other line is wrapped as an event `log`."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._begun = ""

    @property
    def encoding(self) -> str:  # type: ignore[override]
        """The encoding of the stream."""
        return self._stream.encoding

    def fileno(self) -> int:
        """Return the stream's descriptor, which child processes inherit."""
        return self._stream.fileno()

    def isatty(self) -> bool:
        """Return False: nothing is drawn over on this stream."""
        return False

    def writable(self) -> bool:
        """Return True."""
        return True

    def write(self, text: str) -> int:
        """Write the lines that are complete; keep the rest."""
        *lines, self._begun = (self._begun + text).split("\n")
        for line in lines:
            self._print(line)
        return len(text)

    def flush(self) -> None:
        """Flush the stream."""
        self._stream.flush()

    def end(self) -> None:
        """Write a line that was begun."""
        self._print(self._begun)
        self._begun = ""
        self.flush()

    def _print(self, line: str) -> None:
        # A bar that is drawn over again ends its states with a carriage return.
        text = line.rstrip("\r").rpartition("\r")[2]
        if text.strip():
            self._stream.write(f"{text if _is_object(text) else event('log', text)}\n")


def _is_object(line: str) -> bool:
    if not line.startswith("{"):
        return False
    try:
        return isinstance(json.loads(line), dict)
    except ValueError:
        return False
