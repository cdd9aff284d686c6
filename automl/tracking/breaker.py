"""A circuit breaker: after a fault a store is left alone for a while, longer after each."""

import time
from collections.abc import Callable

FIRST_PAUSE_S = 5.0
LONGEST_PAUSE_S = 300.0


class Breaker:
    """Open while a store is left alone; each fault in a row doubles the pause."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._pause_s = 0.0
        self._failed = float("-inf")

    @property
    def is_open(self) -> bool:
        """Whether the pause after the last fault still runs."""
        return self._clock() < self._failed + self._pause_s

    @property
    def has_just_failed(self) -> bool:
        """Whether the last fault is too fresh for another attempt, however much it matters."""
        return self._clock() < self._failed + min(self._pause_s, FIRST_PAUSE_S)

    def record_failure(self) -> None:
        """Begin a pause, twice as long as the one before."""
        self._pause_s = min(LONGEST_PAUSE_S, 2 * self._pause_s or FIRST_PAUSE_S)
        self._failed = self._clock()

    def record_success(self) -> None:
        """Forget the faults before."""
        self._pause_s = 0.0
