"""The journal of an experiment: every event in order, the truth."""

import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from automl.errors import UsageError
from automl.files import json_text


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
        """Yield all whole events; a last line that was cut while it was written is left out.

        Raises `UsageError` naming the line where anything else is not an event.
        """
        yield from JournalReader(self.path).new()

    def _drop_torn_line(self) -> None:
        if not self._is_whole and self.path.exists():
            content = self.path.read_bytes()
            whole = content.rfind(b"\n") + 1
            if whole != len(content):
                os.truncate(self.path, whole)
        self._is_whole = True


class JournalReader:
    """Reads a journal as it grows: each call reads what was added since the last."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._position = 0
        self._lines = 0

    def new(self) -> Iterator[dict[str, Any]]:
        """Yield the new whole events; a last line that is being written waits.

        Raises `UsageError` naming the line where anything else is not an event.
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
                event["event"]  # noqa: B018 - a line without it is no event
            except (ValueError, KeyError, TypeError) as error:
                raise UsageError(
                    f"{self.path}: line {self._lines} is not an event; the journal was changed by "
                    "something else. Move the experiment aside and start a new one"
                ) from error
            yield event
