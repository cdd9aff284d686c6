"""The progress of the data check on stderr: a bar on a terminal, two plain lines elsewhere."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn


@contextmanager
def data_progress(*, is_shown: bool) -> Iterator[Callable[[int, int], None]]:
    """Yield a callback of (files done, files in all)."""
    if not is_shown:
        yield lambda _done, _total: None
    elif sys.stderr.isatty():
        with _bar() as bar:
            task = bar.add_task("checking the data", total=None)
            yield lambda done, total: bar.update(task, completed=done, total=total)
    else:
        print("checking the data", file=sys.stderr, flush=True)
        seen = [0]

        def count(done: int, _total: int) -> None:
            seen[0] = done

        yield count
        print(f"checked {seen[0]} pairs", file=sys.stderr, flush=True)


def _bar() -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=False,
    )
