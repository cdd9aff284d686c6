"""Trains tasks in a process of their own, which is ended if it takes too long."""

import json
import os
import select
import signal
import socket
import sys
import threading
import time
import warnings
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any

from automl.formats import duration
from automl.runners.base import ReportMetrics, Task, failed
from automl.runners.ray_janitor import MARK
from automl.runners.worker import lead
from automl.trial.objective import ReportError
from automl.trial.trial import Decision, Failure, FailureKind, Outcome, TrialState

_STOP_S = 60.0
"""For how long a training that was told to stop, and is silent, may run on."""
_END_S = 12.0
"""For how long the leash may take to end the worker."""
_PAUSE_S = 0.02


class TrainingProcess:
    """A worker that trains tasks one after another; another is started if it is lost.

    The worker is a fork of this process where that is safe, which takes milliseconds; else a new
    Python. A fork is unsafe beside threads of libraries (OpenMP, CUDA, Ray), which it would lack.
    `preload` starts it early, so that it loads its libraries while this process prepares the
    search.
    """

    def __init__(self) -> None:
        self._line: socket.socket | None = None
        self._pipe = -1
        self._pid = 0
        self._received = b""

    def __enter__(self) -> "TrainingProcess":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.end()

    def preload(self, skill: str) -> None:
        """Start the worker and let it load what a skill trains with; does not wait for it."""
        if self._line is None:
            self._start()
        self._send({"preload": skill})

    def run(self, task: Task, report: ReportMetrics) -> Outcome:
        """Train a task and return how it ended.

        A training that is silent for longer than the task allows is ended and fails as hung; one
        that exceeds the task's time is ended and counts as stopped. An error of `report` ends the
        training and is raised, but for a `ReportError`, which is the trial's failure.
        """
        if self._line is None:
            self._start()
        try:
            return self._attend(task, report)
        except BaseException:
            self.end()
            raise

    def end(self) -> str:
        """End the worker and all that it started; return how it ended, in words."""
        if self._line is None:
            return "has not begun"
        self._line.close()
        os.close(self._pipe)
        self._line, self._received = None, b""
        code = self._wait()
        if code < 0:
            return f"died of {signal.Signals(-code).name}"
        return f"ended with exit code {code}"

    def _attend(self, task: Task, report: ReportMetrics) -> Outcome:
        attendance = _Attendance(task, report)
        self._send({"task": task.to_dict()})
        while True:
            message = self._message(attendance.deadline)
            if message is None:
                is_late = attendance.is_late
                how = self.end()
                return attendance.outcome_of_end(how, is_late=is_late)
            if "outcome" in message:
                return attendance.outcome_of(Outcome.from_dict(message["outcome"]))
            self._send({"decision": attendance.answer_to(*message["report"]).value})

    def _start(self) -> None:
        ours, theirs = socket.socketpair()
        pipe, self._pipe = os.pipe()
        with warnings.catch_warnings():
            # Python 3.12 warns of all threads; those of Python hold no lock that a worker needs.
            warnings.simplefilter("ignore", DeprecationWarning)
            self._pid = (_forked if _is_safe_to_fork() else _spawned)(theirs, pipe)
            if not self._pid:
                ours.close()
                os.close(self._pipe)
                lead(theirs.detach(), pipe)
        theirs.close()
        os.close(pipe)
        self._line = ours

    def _wait(self) -> int:
        deadline = time.monotonic() + _END_S
        while time.monotonic() < deadline:
            pid, status = os.waitpid(self._pid, os.WNOHANG)
            if pid:
                return os.waitstatus_to_exitcode(status)
            time.sleep(_PAUSE_S)
        os.kill(self._pid, signal.SIGKILL)
        return os.waitstatus_to_exitcode(os.waitpid(self._pid, 0)[1])

    def _send(self, message: dict[str, Any]) -> None:
        assert self._line is not None
        # A worker that has died is noticed by the next message, which does not come.
        with suppress(BrokenPipeError, ConnectionResetError):
            self._line.sendall(json.dumps(message).encode() + b"\n")

    def _message(self, deadline: float | None) -> dict[str, Any] | None:
        """Return the worker's next message; None if it died, or there is none by the deadline."""
        assert self._line is not None
        while b"\n" not in self._received:
            left = None if deadline is None else max(0.0, deadline - time.monotonic())
            if not select.select([self._line], [], [], left)[0]:
                return None
            try:
                text = self._line.recv(1 << 16)
            except ConnectionResetError:
                return None
            if not text:
                return None
            self._received += text
        line, _, self._received = self._received.partition(b"\n")
        return dict(json.loads(line))


class _Attendance:
    """What is known of a task that runs: its last answer, its fault, and until when it may run."""

    def __init__(self, task: Task, report: ReportMetrics) -> None:
        self._task = task
        self._report = report
        self._begun = self._heard = time.monotonic()
        self._answer = Decision.CONTINUE
        self._fault: ReportError | None = None

    def answer_to(self, epoch: int, metrics: dict[str, float]) -> Decision:
        """Pass a report on and return the answer; after the first stop or pause it stays."""
        self._heard = time.monotonic()
        if self._answer is Decision.CONTINUE:
            try:
                self._answer = self._report(epoch, metrics)
            except ReportError as error:
                self._fault, self._answer = error, Decision.STOP
        return self._answer

    @property
    def deadline(self) -> float | None:
        """When the training must have reported or ended, by the monotonic clock."""
        if self._answer is not Decision.CONTINUE:
            return self._heard + _STOP_S
        limits = [self._silence_ends, self._time_ends]
        return min((limit for limit in limits if limit is not None), default=None)

    @property
    def is_late(self) -> bool:
        """Whether the deadline has passed."""
        return self.deadline is not None and time.monotonic() >= self.deadline

    def outcome_of(self, outcome: Outcome) -> Outcome:
        """Return the outcome of a training that ended by itself."""
        return outcome if self._fault is None else failed(Path(self._task.folder), self._fault)

    def outcome_of_end(self, how: str, *, is_late: bool) -> Outcome:
        """Return the outcome of a training whose process ended as `how` says, or was ended."""
        if self._answer is not Decision.CONTINUE:
            return self.outcome_of(Outcome(self._answer.state))
        if not is_late:
            return _failure(FailureKind.LOST, f"the training's process {how}")
        if self._time_ends is not None and time.monotonic() >= self._time_ends:
            return Outcome(TrialState.STOPPED)
        silence = duration(self._task.silence_s or 0.0)
        return _failure(FailureKind.HUNG, f"no report for {silence}, so it was ended")

    @property
    def _silence_ends(self) -> float | None:
        return None if self._task.silence_s is None else self._heard + self._task.silence_s

    @property
    def _time_ends(self) -> float | None:
        return None if self._task.time_s is None else self._begun + self._task.time_s


def _failure(kind: FailureKind, message: str) -> Outcome:
    return Outcome(TrialState.FAILED, Failure(kind, message))


_HARMLESS_THREADS = ("jemalloc_bg_thd",)
"""Names of threads of libraries that handle a fork themselves.

pyarrow's allocator holds its locks during a fork and continues without the thread in the child:
background_thread.c of jemalloc, `background_thread_postfork_child`.
"""


def _is_safe_to_fork() -> bool:
    """Whether this process has only threads of Python's own and harmless ones."""
    # In a fork, Python has the main thread's old number; the kernel's is that of the process.
    own = {str(os.getpid()), *(str(thread.native_id) for thread in threading.enumerate())}
    try:
        return all(
            thread.name in own or (thread / "comm").read_text().strip() in _HARMLESS_THREADS
            for thread in Path("/proc/self/task").iterdir()
        )
    except OSError:
        return False


def _forked(_line: socket.socket, _pipe: int) -> int:
    return os.fork()


def _spawned(line: socket.socket, pipe: int) -> int:
    """Start a worker in a new Python, which imports from where this one does."""
    code = (
        f"import sys; sys.path[:] = {sys.path!r}\n"
        f"from automl.runners.worker import lead; lead({line.fileno()}, {pipe})"
    )
    for number in (line.fileno(), pipe):
        os.set_inheritable(number, True)
    # Of Ray's processes the janitor ends, this one its leash.
    environment = {name: value for name, value in os.environ.items() if name != MARK}
    return os.posix_spawn(sys.executable, [sys.executable, "-c", code], environment)
