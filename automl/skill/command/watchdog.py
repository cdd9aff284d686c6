"""Runs a command and ends it, and all that it started, when the process that asked for it dies.

Started as a program of its own at the head of a process group. Its stdin is a pipe on which nobody
writes; when that ends, the other side is gone. Imports nothing but the standard library.
"""

import os
import signal
import subprocess
import sys
import threading

NOT_STARTED = 127
"""Exit code where the command cannot be started, as of a shell."""


def main(command: list[str]) -> int:
    """Run a command and return its exit code; die of the signal that it died of."""
    for number in (signal.SIGTERM, signal.SIGINT):
        # Handled and not ignored, for what is ignored stays so in the child.
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
    # Not through sys.stdin, whose lock would be held by this thread when the program ends.
    while os.read(0, 64):
        pass
    os.killpg(0, signal.SIGKILL)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
