"""Shows a running experiment: live on a terminal, else as plain lines or JSON lines.

Used by the process that drives an experiment and by one that only watches; both read the journal.
"""

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from rich.console import Console
from rich.live import Live
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)

from automl.experiment.experiment import Experiment
from automl.experiment.observer import ExperimentObserver
from automl.files import json_text
from automl.machine.load import machine_load
from automl.progress.importances import Compute, GrowingImportances
from automl.progress.screen import Screen
from automl.progress.tail import Follower
from automl.progress.view import Message, View, What
from automl.redact import printable
from automl.trial.trial import Report, Trial

_REFRESHES = 2
"""Refreshes a second of the live view."""
_LOOK_EVERY_S = 0.5
_WIDTH_OF_FILES = 120
_NOT_IN_LINES = (What.ENDED, What.CLOSED)


@contextmanager
def watching(
    root: Path, importances: Compute, *, is_quiet: bool, is_json: bool
) -> Iterator[list[ExperimentObserver]]:
    """Yield the observers that show an experiment on stderr while this process drives it."""
    if is_quiet:
        yield []
    elif is_json or not is_live_terminal(sys.stderr):
        yield [LinesWatcher(root, sys.stderr, is_json=is_json)]
    else:
        watcher = LiveWatcher(root, importances)
        try:
            yield [watcher]
        finally:
            watcher.end()


def watch(root: Path, importances: Compute, *, is_json: bool) -> None:
    """Show an experiment that another process drives on stdout, until it ends or Ctrl-C."""
    follower = Follower(root)
    try:
        if is_json:
            _watch_json(follower)
        elif is_live_terminal(sys.stdout):
            _watch_live(follower, GrowingImportances(root, importances))
        else:
            _watch_lines(follower)
    except KeyboardInterrupt:
        return


def is_live_terminal(stream: TextIO) -> bool:
    """Whether a stream is a terminal whose lines can be redrawn."""
    return stream.isatty() and os.environ.get("TERM", "") not in ("", "dumb", "unknown")


def print_view(root: Path) -> Experiment:
    """Draw the view of an experiment on stdout, once, unless it is finished; return the experiment.

    Raises `UsageError` if it is damaged.
    """
    follower = Follower(root)
    _, view = follower.look()
    experiment = follower.monitor.experiment
    if not experiment.history.trials:
        experiment = Experiment.load(root)  # Refuses a journal that was lost.
    if view.state != "finished":
        console = Console(width=None if sys.stdout.isatty() else _WIDTH_OF_FILES)
        console.print(Screen(view, is_whole=True))
        print()
    return experiment


class _JournalWatcher(ExperimentObserver):
    """Reads the journal whenever the driver has written to it."""

    def __init__(self, root: Path) -> None:
        self._follower = Follower(root)

    def started(self, trial: Trial, folder: Path) -> None:
        """Show what is new."""
        self._show()

    def reported(self, trial: Trial, report: Report) -> None:
        """Show what is new."""
        self._show()

    def finished(self, trial: Trial, folder: Path) -> None:
        """Show what is new."""
        self._show()

    def promoting(self, trial: Trial) -> None:
        """Show what is new."""
        self._show()

    def closed(self, experiment: Experiment) -> None:
        """Show what is new."""
        self._show()

    def _show(self) -> None:
        raise NotImplementedError


class LinesWatcher(_JournalWatcher):
    """Prints one line per message, plain or as a JSON object."""

    def __init__(self, root: Path, stream: TextIO, *, is_json: bool = False) -> None:
        super().__init__(root)
        self._stream = stream
        self._is_json = is_json

    def opened(self, experiment: Experiment) -> None:
        """Skip the messages of earlier sessions."""
        self._follower.new()

    def _show(self) -> None:
        for message in self._follower.new():
            _print_line(message, self._stream, is_json=self._is_json)


class LiveWatcher(_JournalWatcher):
    """Redraws the view on stderr, from a thread that reads the journal itself."""

    def __init__(self, root: Path, importances: Compute) -> None:
        super().__init__(root)
        self._importances = GrowingImportances(root, importances)
        self._is_live = True
        self._live = Live(
            console=Console(stderr=True),
            get_renderable=self._screen,
            refresh_per_second=_REFRESHES,
            vertical_overflow="crop",
        )

    def opened(self, experiment: Experiment) -> None:
        """Begin to draw."""
        self._live.start()

    def closed(self, experiment: Experiment) -> None:
        """Draw the last view, which stays."""
        self._is_live = False
        self.end()

    def end(self) -> None:
        """Give the terminal back."""
        self._live.stop()

    def _show(self) -> None:
        """Leave it to the thread."""

    def _screen(self) -> Screen:
        self._follower.new()
        view = self._follower.view(is_live=self._is_live)
        return _screen(view, self._importances) if self._is_live else Screen(view)


def _screen(view: View, importances: GrowingImportances) -> Screen:
    return Screen(view, machine=machine_load(), importances=importances.look(view.measured))


def _watch_live(follower: Follower, importances: GrowingImportances) -> None:
    _, view = follower.look()
    console = Console()
    with Live(Screen(view), console=console, auto_refresh=False, vertical_overflow="crop") as live:
        while view.state == "running":
            time.sleep(_LOOK_EVERY_S)
            _, view = follower.look()
            live.update(_screen(view, importances), refresh=True)


def _watch_lines(follower: Follower) -> None:
    while True:
        messages, view = follower.look()
        for message in messages:
            _print_line(message, sys.stdout, is_json=False)
        if view.state != "running":
            print(f"{view.experiment}: {view.state}", flush=True)
            return
        time.sleep(_LOOK_EVERY_S)


def _watch_json(follower: Follower) -> None:
    """Print the view as one line at first, after each change, and at the end."""
    before = ""
    while True:
        messages, view = follower.look()
        if messages or view.state != before:
            print(json_text(view.to_dict()), flush=True)
        if view.state != "running":
            return
        before = view.state
        time.sleep(_LOOK_EVERY_S)


def _print_line(message: Message, stream: TextIO, *, is_json: bool) -> None:
    if is_json:
        print(json_text(message.to_dict()), file=stream, flush=True)
    elif message.what not in _NOT_IN_LINES:
        print(printable(message.line()), file=stream, flush=True)


@contextmanager
def data_progress(*, is_shown: bool) -> Iterator[Callable[[int, int], None]]:
    """Yield a callback of (files done, files in all); nothing is shown before its first call."""
    if not is_shown:
        yield lambda _done, _total: None
    elif is_live_terminal(sys.stderr):
        with _bar() as progress:
            yield _on_bar(progress)
    else:
        seen: list[int] = []

        def count(done: int, _total: int) -> None:
            if not seen:
                print("checking the data", file=sys.stderr, flush=True)
            seen[:] = [done]

        yield count
        if seen:
            print(f"checked {seen[0]} pairs", file=sys.stderr, flush=True)


def _on_bar(progress: Progress) -> Callable[[int, int], None]:
    """Return a callback that draws the bar from its first call, when the check starts."""
    tasks: list[TaskID] = []

    def show(done: int, total: int) -> None:
        if not tasks:
            tasks.append(progress.add_task("checking the data", total=None))
        progress.update(tasks[0], completed=done, total=total)

    return show


def _bar() -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=False,
    )
