"""The process that trains tasks, one after another, as they come over a socket.

Three processes are in line: the runner, a leash (`automl.machine.leash`), and the worker. The leash
ends the worker and all that it started when the runner closes its pipe or dies, however it dies.
"""

import json
import os
import signal
import socket
from contextlib import suppress
from pathlib import Path
from typing import Any, NoReturn

from automl.machine import leash
from automl.runners.base import Task, run_task
from automl.runners.folder_lock import FolderLock, FolderLockedError
from automl.skill.installed import load_skill
from automl.trial.trial import Decision, Failure, FailureKind, Outcome, TrialState

_HELPERS = ("multiprocessing.resource_tracker", "torch_shm_manager", "multiprocessing.forkserver")
"""Processes of libraries that serve all tasks of this process."""
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def lead(line: int, pipe: int) -> NoReturn:
    """Be the leash of a worker until it ends or the pipe does: a process in its own session.

    Args:
        line: The worker's socket.
        pipe: Its end means that the runner is gone.
    """
    os.setsid()
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    # Stdout is the command's result; libraries print what they like.
    os.dup2(2, 1)
    leash.adopt_orphans()
    code = 1
    try:
        # A signal that comes at once must not meet the runner's handlers, which the fork has, too.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
        child = os.fork()
        if not child:
            os.close(pipe)
            _work(line, before)
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        os.close(line)
        code = leash.hold(child, pipe)
    finally:
        leash.end_as(code)


def _work(line: int, unblocked: set[int | signal.Signals]) -> NoReturn:
    code = 1
    try:
        leash.die_with_parent()
        leash.adopt_orphans()
        # A terminal's Ctrl-C reaches the runner, which decides.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        for number in (signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_SETMASK, unblocked)
        serve(socket.socket(fileno=line))
        code = 0
    finally:
        os._exit(code)


def serve(line: socket.socket) -> None:
    """Train tasks, and preload skills, until the socket ends; answers to reports come over it."""
    with line, line.makefile("r") as incoming:

        def send(message: dict[str, Any]) -> None:
            line.sendall(json.dumps(message).encode() + b"\n")

        def report(epoch: int, metrics: dict[str, float]) -> Decision:
            send({"report": [epoch, metrics]})
            return Decision(_received(incoming.readline())["decision"])

        while text := incoming.readline():
            message = _received(text)
            if "preload" in message:
                _preload(message["preload"])
                continue
            outcome = _outcome(Task(**message["task"]), report)
            leash.end_descendants(spares=_is_helper)
            send({"outcome": outcome.to_dict()})


def _preload(skill: str) -> None:
    # A training meets the same error, and reports it as its own.
    with suppress(Exception):
        load_skill(skill).preload()


def _outcome(task: Task, report: Any) -> Outcome:
    try:
        with FolderLock(Path(task.folder)):
            return run_task(task, report)
    except FolderLockedError as error:
        return Outcome(TrialState.FAILED, Failure(FailureKind.LOST, str(error)))


def _received(text: str) -> dict[str, Any]:
    if not text:
        raise SystemExit("the runner is gone")
    return dict(json.loads(text))


def _is_helper(pid: int) -> bool:
    try:
        command = Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace")
    except OSError:
        return False
    return any(name in command for name in _HELPERS)
