"""Runs a command as a child process in a group of its own, which can be ended as a whole."""

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

from automl.machine import leash
from automl.redact import MASK, secrets
from automl.skill.command.program import environment

_GRACE_S = 10.0
"""Between SIGTERM, on which a training may save itself, and SIGKILL."""
_PATIENCE_S = 15.0
"""For how long the leash may take to end what is left."""


class Child:
    """Runs while the context is open; its output, without secrets, goes to a log file.

    It runs on a leash, which ends it and all that it started, also if this process is killed.
    """

    def __init__(self, command: Sequence[str], folder: Path, log: Path) -> None:
        with log.open("a+b") as file:
            self._process = subprocess.Popen(
                [sys.executable, "-I", leash.__file__, *command],
                cwd=folder,
                env={**environment(), leash.REPLACED: json.dumps(dict.fromkeys(secrets(), MASK))},
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
        """End all of it: the group with SIGTERM, and what is left then with SIGKILL."""
        self._signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(_GRACE_S)
        if self._process.stdin is not None:
            self._process.stdin.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(_PATIENCE_S)
        self._signal(signal.SIGKILL)
        self._process.wait()

    def _signal(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, number)
