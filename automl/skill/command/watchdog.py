"""Runs a command, and ends it with all that it started if the process that asked for it dies.

A program of its own at the head of a process group. A process that is killed with SIGKILL can clean
up nothing, but the kernel closes its files: stdin here is a pipe on which the other side never
writes, so that its end of file means that the other side is gone. The command itself gets another
stdin, and belongs to the group, which a kill reaches with all its children.

Imports nothing but the standard library: it is started for every run.
"""

import os
import signal
import subprocess
import sys
import threading

NOT_STARTED = 127
"""Exit code if the command cannot be started, as of a shell."""


def main(command: list[str]) -> int:
    """Run a command and return its exit code, or die of the signal that it died of."""
    for number in (signal.SIGTERM, signal.SIGINT):
        # Handled and not ignored: a signal that is ignored stays so in the command.
        signal.signal(number, lambda _number, _frame: None)
    threading.Thread(target=_end_with_stdin, daemon=True).start()
    try:
        code = subprocess.call(command, stdin=subprocess.DEVNULL)
    except OSError as error:
        print(f"{command[0]}: {error.strerror}", file=sys.stderr)
        return NOT_STARTED
    if code < 0:
        if -code != signal.SIGKILL:
            signal.signal(-code, signal.SIG_DFL)
        os.kill(os.getpid(), -code)
    return code


def _end_with_stdin() -> None:
    # Not through sys.stdin: this thread would still hold its lock when the interpreter ends.
    while os.read(0, 64):
        pass
    os.killpg(0, signal.SIGKILL)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
