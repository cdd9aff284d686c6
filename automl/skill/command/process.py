"""Runs a command as a child process in a group of its own, which can be ended as a whole."""

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

from automl.skill.command.program import environment

_WATCHDOG = Path(__file__).with_name("watchdog.py")
_GRACE_S = 10.0
"""Between SIGTERM, on which a training may save itself, and SIGKILL."""


class Child:
    """Runs while the context is open; its output goes to a log file, its group ends with it.

    The group also ends if this process is killed: `automl.skill.command.watchdog`, at its head,
    reads a pipe that only this process holds open.
    """

    def __init__(self, command: Sequence[str], folder: Path, log: Path) -> None:
        with log.open("ab") as file:
            self._process = subprocess.Popen(
                [sys.executable, "-I", str(_WATCHDOG), *command],
                cwd=folder,
                env=environment(),
                stdin=subprocess.PIPE,
                stdout=file,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def __enter__(self) -> "Child":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.end()

    def poll(self) -> int | None:
        """Return the exit code, negative for a signal; None while it runs."""
        return self._process.poll()

    def end(self) -> None:
        """End the whole group with SIGTERM, and what is left of it with SIGKILL."""
        self._signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(_GRACE_S)
        self._signal(signal.SIGKILL)
        self._process.wait()
        if self._process.stdin is not None:
            self._process.stdin.close()

    def _signal(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, number)
