"""Runs work in a thread and hands its stages over one by one: the work waits meanwhile."""

import queue
import threading
from collections.abc import Callable, Generator
from typing import TypeVar

T = TypeVar("T")


def in_turns(work: Callable[[Callable[[T], None]], object]) -> Generator[T, None, None]:
    """Yield whatever `work` hands to the function that it gets; it waits until the next is wanted.

    An error of the work is raised here. Leaving early raises KeyboardInterrupt in the work at its
    next stage, and waits for its end.
    """
    stages: queue.Queue[T | None] = queue.Queue()
    turn = threading.Semaphore(0)
    has_left = threading.Event()
    errors: list[BaseException] = []

    def hand_over(stage: T) -> None:
        stages.put(stage)
        turn.acquire()
        if has_left.is_set():
            raise KeyboardInterrupt

    def run() -> None:
        try:
            work(hand_over)
        except BaseException as error:  # It belongs to whoever waits for the stages.
            errors.append(error)
        finally:
            stages.put(None)

    thread = threading.Thread(target=run, name="search")
    thread.start()
    try:
        while (stage := stages.get()) is not None:
            yield stage
            turn.release()
    finally:
        has_left.set()
        turn.release()
        thread.join()
    if errors:
        raise errors[0]
