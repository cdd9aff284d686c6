"""Turns SIGTERM into a stop that passes through Ray's compiled code and Lightning."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from automl.errors import Stopped


@contextmanager
def sigterm_as_stop() -> Iterator[None]:
    """Turn SIGTERM into `Stopped`.

    The handler raises KeyboardInterrupt, the only exception that Ray's compiled code and Lightning
    pass on; it becomes `Stopped` at the end of the context.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    terminated = threading.Event()

    def stop(_signal: int, _frame: FrameType | None) -> None:
        terminated.set()
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    except KeyboardInterrupt as error:
        if terminated.is_set():
            raise Stopped("stopped by SIGTERM") from error
        raise
    finally:
        signal.signal(signal.SIGTERM, before)
