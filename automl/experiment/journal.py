"""The journal of an experiment: every event in order, the truth.

An event is a JSON object on a line of its own, which ends with a checksum of all lines up to it.
Each session begins with an ``opened`` event, which has the number of the journal's format and the
version of automl that wrote it.
"""

import json
import os
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from automl.errors import UsageError
from automl.experiment.checksums import seal_of, sealed_line
from automl.experiment.events import EventCheck, EventError
from automl.files import check_format, json_text, open_regular, read_bytes
from automl.version import __version__

FORMAT = 2
"""Counts up when an event changes so that this code would misread it."""
WITHOUT_CHECKSUMS = 1
"""An older format, which is read as well; it was first written without a number."""


def opened_event() -> dict[str, Any]:
    """Return the event that begins a session."""
    return {"event": "opened", "format": FORMAT, "automl": __version__}


class JournalError(UsageError):
    """A line of a journal that cannot be what the driver wrote."""

    def __init__(self, path: Path, line: int, cause: str) -> None:
        super().__init__(
            f"{path}: line {line}: {cause}; the journal was changed or harmed. What can be done: "
            f"automl fsck {path.parent}"
        )
        self.line = line
        self.cause = cause


class Journal:
    """Appends events and syncs each to disk; one process writes, anybody reads."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._checksum: int | None = None
        """Of the last line; None if it has to be read first."""

    def append(self, *events: Mapping[str, Any]) -> None:
        """Write events; they are on disk when this returns."""
        end = self._end() if self._checksum is None else self._checksum
        lines = []
        for event in events:
            content = json_text(event).encode()
            lines.append(sealed_line(content, end) + b"\n")
            end = zlib.crc32(content, end)
        # A signal may end this anywhere; the next event then looks at what is on disk.
        self._checksum = None
        with self.path.open("ab") as file:
            file.write(b"".join(lines))
            file.flush()
            os.fsync(file.fileno())
        self._checksum = end

    def read(self, check: EventCheck | None = None) -> Iterator[dict[str, Any]]:
        """Yield all whole events, without a last line that was cut while it was written.

        Without a `check` only the checksums are looked at.

        Raises `UsageError` if another line is no event, or the journal has another format.
        """
        yield from JournalReader(self.path, check).new()

    def _end(self) -> int:
        """Drop a torn last line and return the checksum of the line before, 0 if it has none."""
        # A process that was killed while it wrote leaves half a line without its end. The event was
        # never acted on, since acting begins when `append` returns, so that dropping it loses
        # nothing; a new event after it would make both unreadable.
        if not self.path.exists():
            return 0
        content = read_bytes(self.path)
        whole = content.rfind(b"\n") + 1
        if whole != len(content):
            os.truncate(self.path, whole)
        last = content[:whole].rstrip(b"\n").rpartition(b"\n")[2]
        return seal_of(last)[1] or 0


class JournalReader:
    """Reads a journal while it grows: each call reads what was added since the last."""

    def __init__(self, path: Path, check: EventCheck | None = None) -> None:
        self.path = path
        self.position = 0
        """Bytes that were read and found to be right."""
        self._check = check
        self._lines = 0
        self._checksum = 0
        self._is_sealed = False
        """Whether every line from here on has a checksum."""

    def new(self) -> Iterator[dict[str, Any]]:
        """Yield the new whole events; a last line that is being written waits for the next call.

        Raises `UsageError` if another line is no event, or the journal has another format.
        """
        try:
            with open_regular(self.path) as file:
                file.seek(self.position)
                *lines, _torn = file.read().split(b"\n")
        except FileNotFoundError:
            return
        except OSError as error:
            raise UsageError(f"{self.path}: cannot be read ({error.strerror})") from error
        for line in lines:
            self._lines += 1
            try:
                event = self._event(line)
            except EventError as error:
                raise JournalError(self.path, self._lines, str(error)) from error
            self.position += len(line) + 1
            yield event

    def _event(self, line: bytes) -> dict[str, Any]:
        content, seal = seal_of(line)
        if seal is not None:
            self._checksum = zlib.crc32(content, self._checksum)
            if self._checksum != seal:
                raise EventError("its checksum is wrong, or a line before it is gone")
        elif self._is_sealed:
            raise EventError("has no checksum")
        try:
            event = json.loads(content.decode())  # Of bytes the encoding would be looked for.
        except (ValueError, RecursionError) as error:
            raise EventError("is not an event") from error
        if not isinstance(event, dict) or not isinstance(event.get("event"), str):
            raise EventError("is not an event")
        if self._check is not None:
            self._check.check(event)
        if event["event"] == "opened":
            self._check_format(event)
        return event

    def _check_format(self, event: Mapping[str, Any]) -> None:
        number, writer = event.get("format", WITHOUT_CHECKSUMS), event.get("automl")
        if number == WITHOUT_CHECKSUMS and not self._is_sealed:
            return
        check_format(self.path, number, reads=FORMAT, writer=writer)
        self._is_sealed = True
