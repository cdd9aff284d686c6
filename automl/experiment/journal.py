"""The journal of an experiment: every event in order, the truth.

An event is a JSON object on a line of its own. Each session begins with an ``opened`` event, which
has the number of the journal's format and the version of automl that wrote it.
"""

import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from automl.errors import UsageError
from automl.files import check_format, json_text
from automl.version import __version__

FORMAT = 1
"""Counts up when an event changes so that this code would misread it."""


def opened_event() -> dict[str, Any]:
    """Return the event that begins a session."""
    return {"event": "opened", "format": FORMAT, "automl": __version__}


class Journal:
    """Appends events and syncs each to disk; one process writes, anybody reads."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._is_whole = False

    def append(self, event: Mapping[str, Any]) -> None:
        """Write one event; it is on disk when this returns."""
        self._drop_torn_line()
        with self.path.open("ab") as file:
            file.write(json_text(event).encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())

    def read(self) -> Iterator[dict[str, Any]]:
        """Yield all whole events, without a last line that was cut while it was written.

        Raises `UsageError` if another line is no event, or the journal has another format.
        """
        yield from JournalReader(self.path).new()

    def _drop_torn_line(self) -> None:
        # A process that was killed while it wrote leaves half a line without its end. The event was
        # never acted on, since acting begins when `append` returns, so that dropping it loses
        # nothing; a new event after it would make both unreadable.
        if not self._is_whole and self.path.exists():
            content = self.path.read_bytes()
            whole = content.rfind(b"\n") + 1
            if whole != len(content):
                os.truncate(self.path, whole)
        self._is_whole = True


class JournalReader:
    """Reads a journal while it grows: each call reads what was added since the last."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._position = 0
        self._lines = 0

    def new(self) -> Iterator[dict[str, Any]]:
        """Yield the new whole events; a last line that is being written waits for the next call.

        Raises `UsageError` if another line is no event, or the journal has another format.
        """
        if not self.path.exists():
            return
        with self.path.open("rb") as file:
            file.seek(self._position)
            *lines, _torn = file.read().split(b"\n")
        for line in lines:
            self._position += len(line) + 1
            self._lines += 1
            try:
                event = json.loads(line)
                kind = event["event"]
            except (ValueError, KeyError, TypeError) as error:
                raise UsageError(
                    f"{self.path}: line {self._lines} is not an event; the journal was changed by "
                    "something else. Move the experiment aside and start a new one"
                ) from error
            if kind == "opened":
                # The first format was written without a number, too.
                number, writer = event.get("format", FORMAT), event.get("automl")
                check_format(self.path, number, reads=FORMAT, writer=writer)
            yield event
