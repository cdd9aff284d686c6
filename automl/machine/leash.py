"""Keeps processes on a leash: whatever a process starts ends with it, whichever of them is killed.

Run as a program it runs a command: `python -I leash.py COMMAND...`. The program imports nothing but
the standard library, since it is started for every command.

A process that is killed with SIGKILL can clean up nothing, but the kernel closes its files. The
leash reads a pipe on which the other side never writes: its end of file means that the other side
is gone. Orphans of its descendants become the leash's own children, also those of sessions of their
own, so that it finds and ends them all.
"""

import contextlib
import ctypes
import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn

NOT_STARTED = 127
"""Exit code if the command cannot be started, as of a shell."""
GRACE_S = 5.0
"""Between SIGTERM, on which a training may save itself, and SIGKILL."""
_PATIENCE_S = 5.0
"""For how long processes that cannot be killed, as in an unanswered system call, are waited for."""
_PAUSE_S = 0.02
LOG_LIMIT = 64 << 20
"""Bytes of a log. Of a longer one the middle is left out."""
REPLACED = "AUTOML_LEASH_REPLACED"
"""The variable with texts that the log shows otherwise, as JSON. The command does not get it."""
_CHUNK = 1 << 16
_SET_DEATH_SIGNAL, _SET_SUBREAPER = 1, 36
"""Options of Linux's prctl."""


def adopt_orphans() -> None:
    """Make this process the parent of its descendants' orphans; without effect but on Linux."""
    _prctl(_SET_SUBREAPER, 1)


def die_with_parent() -> None:
    """Have this process killed when its parent dies; without effect but on Linux."""
    _prctl(_SET_DEATH_SIGNAL, signal.SIGKILL)


def _prctl(option: int, value: int) -> None:
    with contextlib.suppress(AttributeError, OSError):
        ctypes.CDLL(None).prctl(option, value, 0, 0, 0)


def descendants(pid: int) -> list[int]:
    """Return the living processes that a process started, directly or not; none without /proc."""
    pids, parents = [], [pid]
    while parents:
        started = children(parents.pop())
        parents += started
        pids += [child for child in started if is_alive(child)]
    return pids


def children(pid: int) -> list[int]:
    """Return the processes that a process started itself, zombies too; none without /proc."""
    pids = []
    for thread in Path(f"/proc/{pid}/task").glob("*/children"):
        # A process may end while its files are read.
        with contextlib.suppress(OSError):
            pids += [int(child) for child in thread.read_text().split()]
    return pids


def is_alive(pid: int) -> bool:
    """Whether a process runs. A killed one that nobody asked how it ended, a zombie, does not."""
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    try:  # It has ended, or the system has no /proc.
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:  # Another user's.
        pass
    return True


def end_descendants(
    *, grace_s: float = 0.0, spares: Callable[[int], bool] = lambda _pid: False
) -> None:
    """End what this process started: with SIGTERM if there is a grace, then with SIGKILL.

    Processes that fork while they are ended are stopped first, until none is left.
    """

    def left() -> list[int]:
        return [pid for pid in descendants(os.getpid()) if not spares(pid)]

    if grace_s and (pids := left()):
        _signal(pids, signal.SIGTERM)
        _wait_until_none(left, grace_s)
    deadline = time.monotonic() + _PATIENCE_S
    while (pids := left()) and time.monotonic() < deadline:
        _signal(pids, signal.SIGSTOP)
        _signal(pids, signal.SIGKILL)
        _wait_until_none(left, _PAUSE_S)


def _wait_until_none(left: Callable[[], list[int]], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while (pids := left()) and time.monotonic() < deadline:
        time.sleep(_PAUSE_S)
        _reap(pids)


def _signal(pids: Iterable[int], number: signal.Signals) -> None:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, number)


def _reap(pids: Iterable[int]) -> None:
    for pid in pids:
        with contextlib.suppress(ChildProcessError):
            os.waitpid(pid, os.WNOHANG)


def hold(child: int, pipe: int, output: "Output | None" = None) -> int:
    """Wait for a child to end, or for the end of a pipe; then end all that this process started.

    Returns the child's exit code, negative for a signal, -9 if the pipe ended. What the child
    prints is copied as it comes.
    """
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        # Handled and not ignored: a signal that is ignored stays so in what is started.
        signal.signal(number, lambda _number, _frame: None)
    woken, waker = os.pipe()
    os.set_blocking(waker, False)
    signal.signal(signal.SIGCHLD, lambda _number, _frame: None)
    signal.set_wakeup_fd(waker, warn_on_full_buffer=False)
    awaited = [pipe, woken, *([] if output is None else [output.source])]
    code = _ended(child)
    while code is None:
        ready, _, _ = select.select(awaited, [], [])
        if woken in ready:
            os.read(woken, _CHUNK)
        if output is not None and output.source in ready and not output.copy():
            awaited.remove(output.source)
        code = _ended(child)
        if pipe in ready and not os.read(pipe, _CHUNK):
            break
    end_descendants(grace_s=GRACE_S if code is None else 0.0)
    if output is not None:
        output.end()
    return -signal.SIGKILL if code is None else code


def _ended(child: int) -> int | None:
    """Return the exit code of a child, None while it runs; reap orphans that have ended."""
    with contextlib.suppress(ChildProcessError):
        while True:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if not pid:
                return None
            if pid == child:
                return os.waitstatus_to_exitcode(status)
    return None


def end_as(code: int) -> NoReturn:
    """End this process with an exit code, or by the signal of a negative one."""
    if code < 0:
        if -code != signal.SIGKILL:
            signal.signal(-code, signal.SIG_DFL)
        os.kill(os.getpid(), -code)
    os._exit(max(code, 0))


@dataclass
class Output:
    """Copies what a command prints to a log of bounded size."""

    source: int
    """The end of a pipe that is read."""
    log: int
    """A file that is open for reading and appending."""
    replaced: Mapping[bytes, bytes] = field(default_factory=dict)
    """What the log shows instead of some texts: secrets are masked."""
    _held: bytes = b""
    """The end of what was read, while it may be the beginning of a text to replace."""

    def __post_init__(self) -> None:
        os.set_blocking(self.source, False)

    def copy(self) -> bool:
        """Copy what is there; return whether more may come now."""
        try:
            text = os.read(self.source, _CHUNK)
        except BlockingIOError:
            return False
        has_text = bool(text)
        text = self._held + text
        for old, new in self.replaced.items():
            text = text.replace(old, new)
        self._held = self._beginning_of_a_text(text)
        self._write(text[: len(text) - len(self._held)])
        return has_text

    def end(self) -> None:
        """Copy all that is left."""
        while self.copy():
            pass
        self._write(self._held)

    def _beginning_of_a_text(self, text: bytes) -> bytes:
        longest = max(map(len, self.replaced), default=0)
        for start in range(max(0, len(text) - longest + 1), len(text)):
            if any(old.startswith(text[start:]) for old in self.replaced):
                return text[start:]
        return b""

    def _write(self, text: bytes) -> None:
        # A full disk is met by the training itself, whose files matter more than its log.
        with contextlib.suppress(OSError):
            while text:
                text = text[os.write(self.log, text) :]
            if os.fstat(self.log).st_size > LOG_LIMIT:
                self._leave_out_the_middle()

    def _leave_out_the_middle(self) -> None:
        size = os.fstat(self.log).st_size
        tail = os.pread(self.log, LOG_LIMIT // 4, size - LOG_LIMIT // 4)
        os.ftruncate(self.log, LOG_LIMIT // 2)
        os.write(self.log, b"\n[... the log is longer; its middle is left out ...]\n")
        os.write(self.log, tail)


def main(command: list[str]) -> int:
    """Run a command until it ends or the pipe on stdin does; return its exit code.

    What it prints goes to stdout, a file that is open for reading and appending.
    """
    adopt_orphans()
    replaced = json.loads(os.environ.pop(REPLACED, "{}"))
    source, sink = os.pipe()
    try:
        child = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=sink, stderr=sink, preexec_fn=die_with_parent
        )
    except OSError as error:
        print(f"{command[0]}: {error.strerror}", file=sys.stderr)
        return NOT_STARTED
    os.close(sink)
    masked = {os.fsencode(old): os.fsencode(new) for old, new in replaced.items()}
    child.returncode = hold(child.pid, 0, Output(source, 1, masked))
    return child.returncode


if __name__ == "__main__":
    end_as(main(sys.argv[1:]))
