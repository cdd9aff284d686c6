"""Keeps stderr a stream of JSON lines: other text that a library prints becomes one, too."""

import json
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

from automl.progress.unbroken import Passing


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


class _JsonLines(Passing):
    """Passes JSON objects on; any other line is wrapped as an event `log`."""

    def __init__(self, stream: TextIO) -> None:
        super().__init__(stream)
        self._begun = ""

    def isatty(self) -> bool:
        """Return False: nothing is drawn over on this stream."""
        return False

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
