"""A command as a child process in a group of its own, which can be ended with all it started."""

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

_WATCHDOG = Path(__file__).with_name("watchdog.py")
_GRACE_S = 10.0
"""Between SIGTERM, on which a training may save itself, and SIGKILL."""


class Child:
    """Runs while the context lasts; output goes to a log file, and the group ends on the way out.

    It ends too when this process is killed: see `automl.skill.command.watchdog`.
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
        """End the whole group: with SIGTERM, and with SIGKILL what is left of it after that."""
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


def environment() -> dict[str, str]:
    """Return this process's environment; programs installed beside this Python come first."""
    programs = str(Path(sys.executable).parent)
    return {**os.environ, "PATH": os.pathsep.join([programs, os.environ.get("PATH", os.defpath)])}
