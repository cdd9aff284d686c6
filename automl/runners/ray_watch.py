"""Watches the parts of Ray that a search cannot do without, and interrupts a driver that waits."""

import contextlib
import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import ray

from automl.errors import Stopped
from automl.machine.leash import children, is_alive

_EVERY_S = 1.0
_SILENCE_S = 30.0
"""For how long the head of a cluster that was joined may not answer: it may be restarted."""
_PARTS = {"raylet": "raylet", "gcs_server": "control service (GCS)"}
"""The processes of a Ray that was started here."""


_INTERRUPT = signal.SIGUSR2
"""Not SIGINT, which a shell may have had ignored."""


@contextmanager
def watched(address: str | None) -> Iterator[Callable[[], str | None]]:
    """Raise `Stopped` in the main thread when Ray has died, whatever that waits for.

    Yields a function that returns which part has died, if one has.

    A dead raylet would leave the driver waiting for ever; without its control service, Ray would
    end the process by itself after a minute, or go on starting for as long.
    """
    if threading.current_thread() is not threading.main_thread():
        # Only the main thread can be interrupted.
        yield lambda: None
        return
    watch = _Watch(OwnFault() if address is None else _ClusterFault(address))
    before = signal.signal(_INTERRUPT, signal.default_int_handler)
    watch.start()
    try:
        yield lambda: watch.fault
    except KeyboardInterrupt as error:
        if watch.fault is None:
            raise
        raise Stopped(f"{watch.fault}; the search stopped") from error
    finally:
        watch.end()
        signal.signal(_INTERRUPT, before)


class _Watch(threading.Thread):
    def __init__(self, fault_of: Callable[[], str | None]) -> None:
        super().__init__(daemon=True)
        self.fault: str | None = None
        self._fault_of = fault_of
        self._is_over = threading.Event()

    def run(self) -> None:
        while self.fault is None and not self._is_over.wait(_EVERY_S):
            self.fault = self._fault_of()
        main = threading.main_thread().ident
        if self.fault is not None and not self._is_over.is_set() and main is not None:
            # A real signal, since Ray's compiled code waits without Python.
            signal.pthread_kill(main, _INTERRUPT)

    def end(self) -> None:
        self._is_over.set()
        self.join()


class OwnFault:
    """Knows the parts of the Ray that is started here from now on, also while others start."""

    def __init__(self) -> None:
        """Leave out what an earlier start has left: of one that was interrupted, the dead stay."""
        self._before = set(_parts())
        self._seen: dict[int, str] = {}

    def __call__(self) -> str | None:
        """Return which part has died; None while all live."""
        parts = {pid: title for pid, title in _parts().items() if pid not in self._before}
        self._seen |= parts
        dead = [title for pid, title in self._seen.items() if pid not in parts or not is_alive(pid)]
        return f"Ray's {dead[0]} died" if dead else None


def _parts() -> dict[int, str]:
    """Return the parts of Ray that this process started, by pid, also those that died unasked.

    Ray's own record of them is not there before all have started.
    """
    parts = {}
    for pid in children(os.getpid()):
        # A process may end while its files are read.
        with contextlib.suppress(OSError):
            name = Path(f"/proc/{pid}/comm").read_text().strip()
            if name in _PARTS:
                parts[pid] = _PARTS[name]
    return parts


class _ClusterFault:
    """Returns that the head of a cluster that was joined has not answered for a while."""

    def __init__(self, address: str) -> None:
        """Take the address of Ray's client, or else ask Ray for that of the head."""
        if not address.startswith("ray://"):
            address = ray.get_runtime_context().gcs_address
        host, _, port = address.removeprefix("ray://").rpartition(":")
        self._address = host.strip("[]"), int(port)
        self._answered = time.monotonic()

    def __call__(self) -> str | None:
        try:
            socket.create_connection(self._address, timeout=_EVERY_S).close()
            self._answered = time.monotonic()
        except OSError:
            silence = time.monotonic() - self._answered
            if silence > _SILENCE_S:
                host, port = self._address
                return f"Ray's head at {host}:{port} has not answered for {silence:.0f} s"
        return None
