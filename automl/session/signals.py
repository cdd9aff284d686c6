"""Turns SIGTERM and SIGHUP into a stop that passes through Ray's compiled code and Lightning."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from automl.errors import Stopped


@contextmanager
def signals_as_stop() -> Iterator[None]:
    """Turn SIGTERM, and SIGHUP unless it is ignored as by nohup, into `Stopped`.

    The handler raises KeyboardInterrupt, the only exception that Ray's compiled code and Lightning
    pass on; it becomes `Stopped` at the end of the context.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    received: list[signal.Signals] = []

    def stop(number: int, _frame: FrameType | None) -> None:
        received.append(signal.Signals(number))
        raise KeyboardInterrupt

    numbers = [signal.SIGTERM]
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        numbers.append(signal.SIGHUP)
    before = {number: signal.signal(number, stop) for number in numbers}
    try:
        yield
    except KeyboardInterrupt as error:
        if received:
            raise Stopped(f"stopped by {received[0].name}") from error
        raise
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
