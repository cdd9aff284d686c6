"""How a command failed, by its exit code and the end of its log."""

import os
import re
from pathlib import Path

from automl.machine.leash import NOT_STARTED

_NO_MEMORY = re.compile(r"out of memory|OutOfMemoryError|MemoryError|bad_alloc", re.IGNORECASE)
_LAST_LINES = 30
_SIGKILL = 9
_END = 1 << 16
"""Bytes at the end of a log that are read."""


class CommandError(Exception):
    """A command that failed; `kind` is that of the failure."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind
        self.faults = (message,)


def error_from_exit(code: int, log: Path) -> CommandError:
    """Return the error of an exit code; the last line of the log is its message."""
    lines = _end_of(log).splitlines()
    last = next((line.strip() for line in reversed(lines) if line.strip()), "it printed nothing")
    if code == -_SIGKILL:
        return CommandError("lost", "the command was killed (SIGKILL)")
    if any(_NO_MEMORY.search(line) for line in lines[-_LAST_LINES:]):
        return CommandError("out_of_memory", last)
    if code == NOT_STARTED:
        return CommandError("crashed", f"the command could not be started: {last}")
    how = f"died of signal {-code}" if code < 0 else f"ended with exit code {code}"
    return CommandError("crashed", f"the command {how}: {last}")


def _end_of(log: Path) -> str:
    if not log.is_file():
        return f"{log.name} is no regular file"
    with log.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - _END))
        return file.read().decode(errors="replace")
