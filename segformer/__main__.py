"""The command `segformer`, also as ``python -m segformer``."""

import os
import signal
import sys
from types import FrameType

_INTERRUPTED = 130


def main() -> int:
    """Load and run the command; Ctrl-C before it can answer ends it in silence, with 130."""
    before = signal.getsignal(signal.SIGINT)
    if before is signal.default_int_handler:
        signal.signal(signal.SIGINT, _leave)
    from segformer.cli import main as command

    try:
        signal.signal(signal.SIGINT, before)
        return command()
    except KeyboardInterrupt:
        return _INTERRUPTED


def _leave(_signal: int, _frame: FrameType | None) -> None:
    # A module that is half loaded has nothing to clean up, and an exception would be a traceback.
    os._exit(_INTERRUPTED)


if __name__ == "__main__":
    sys.exit(main())
