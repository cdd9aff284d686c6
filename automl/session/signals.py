"""Turns SIGTERM and SIGHUP into a stop that passes through Ray's compiled code and Lightning."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from automl.errors import Stopped


class _Signal(KeyboardInterrupt):
    """What a signal raises.

    Once the plain class has passed through a text that `exec` runs, as dataclasses do, `python -m`
    ends by SIGINT, whatever exit code the program returns.
    """


@contextmanager
def signals_held() -> Iterator[None]:
    """Let signals wait until the end of the context, such as during an import.

    A library whose import is cut off may not be importable any more.
    """
    numbers = (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)
    before = signal.pthread_sigmask(signal.SIG_BLOCK, numbers)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def signals_as_stop() -> Iterator[None]:
    """Turn SIGTERM, and SIGHUP unless it is ignored as by nohup, into `Stopped`.

    The handler raises a KeyboardInterrupt, the only exception that Ray's compiled code and
    Lightning pass on; it becomes `Stopped` at the end of the context. That of Ctrl-C is passed on.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    received: list[signal.Signals] = []

    def stop(number: int, _frame: FrameType | None) -> None:
        if number != signal.SIGINT:
            received.append(signal.Signals(number))
        raise _Signal

    numbers = [signal.SIGTERM]
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        numbers.append(signal.SIGINT)
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
