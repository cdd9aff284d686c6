"""Runs commands of `automl` with --json in processes of their own, in the server's folder."""

import errno
import json
import subprocess
import sys
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO, Any

from automl.errors import Fault, UsageError
from automl.redact import redacted

PROGRAM = (sys.executable, "-m", "automl")
_POLL_S = 0.05
_PATIENCE_S = 10
"""For a command that nobody waits for to end by itself."""


@dataclass(frozen=True)
class Answer:
    """What a command answered: the object that it printed, and whether that is an error."""

    content: dict[str, Any]
    is_error: bool = False


@dataclass
class Commands:
    """Runs commands in a folder."""

    root: Path
    program: Sequence[str] = PROGRAM
    """The words that start `automl`."""
    gone: threading.Event = field(default_factory=threading.Event)
    """Set when nobody waits for the answer any more: the command is ended."""
    starting: defaultdict[Path, threading.Lock] = field(
        default_factory=lambda: defaultdict(threading.Lock)
    )
    """Held while a command starts on an experiment: another one waits, and then sees it run."""
    _detached: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def of_a_call(self) -> "Commands":
        """Return the same commands for one call, which can be cancelled alone."""
        return replace(self, gone=threading.Event())

    def call(self, words: Sequence[str]) -> Answer:
        """Run a command to its end."""
        return _answer(*self._run([*words, "--json"]))

    def text(self, words: Sequence[str]) -> str:
        """Run a command to its end and return the text that it prints for people."""
        output, errors, _ = self._run(words)
        return redacted((output or errors).decode(errors="replace"))

    def _run(self, words: Sequence[str]) -> tuple[bytes, bytes, int]:
        with self._started(words, subprocess.PIPE, subprocess.PIPE) as process:
            while True:
                try:
                    output, errors = process.communicate(timeout=_POLL_S)
                except subprocess.TimeoutExpired:
                    if self.gone.is_set():
                        _end(process)
                else:
                    return output, errors, process.returncode

    def detach(self, words: Sequence[str], has_begun: Callable[[], bool]) -> Answer | None:
        """Start a command that outlives the server; return its answer if it ends at once.

        Returns None as soon as it `has_begun`: its request was accepted, and it works on.
        """
        for process in self._detached:
            process.poll()  # One that has ended is no zombie any more.
        with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
            process = self._started([*words, "--json"], output, errors, lasts=True)
            while process.poll() is None:
                if has_begun():
                    self._detached.append(process)
                    return None
                if self.gone.is_set():
                    _end(process)
                time.sleep(_POLL_S)
            return _answer(_content(output), _content(errors), process.returncode)

    def _started(
        self, words: Sequence[str], output: Any, errors: Any, *, lasts: bool = False
    ) -> subprocess.Popen[bytes]:
        """Start a command; raises `UsageError` for words that are too long for the system."""
        try:
            return subprocess.Popen(
                [*self.program, *words], cwd=self.root, stdin=subprocess.DEVNULL,
                stdout=output, stderr=errors, start_new_session=lasts,
            )  # fmt: skip
        except OSError as error:
            if error.errno != errno.E2BIG:
                raise
            name = max(words, key=len).partition("=")[0][:40]
            text = f"{name}: is too long for a command; put it into a file or shorten it"
            raise UsageError(Fault(text, key=name)) from None


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a command, which has a while to do so by itself."""
    process.terminate()
    try:
        process.wait(_PATIENCE_S)
    except subprocess.TimeoutExpired:
        process.kill()


def _content(file: IO[bytes]) -> bytes:
    file.seek(0)
    return file.read()


def _answer(output: bytes, errors: bytes, code: int) -> Answer:
    text = redacted(output.decode(errors="replace"))
    try:
        content: Mapping[str, Any] = json.loads(text)
    except ValueError:
        # Killed, or unable to start: there is no object to pass on.
        last = redacted(errors.decode(errors="replace")).strip().splitlines()[-1:]
        message = f"the command ended with exit code {code}: {''.join(last)}"
        return Answer({"error": {"kind": "defect", "message": message}}, is_error=True)
    return Answer(dict(content), is_error="error" in content)
