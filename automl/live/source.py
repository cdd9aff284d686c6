"""A page that changes: its sections, and which of them changed since a version.

What a page shows is computed from the journal by the code that writes report.html. It is computed
again when the journal, or a file that the page shows, has changed, and only while somebody looks.
"""

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from automl.errors import AutomlError
from automl.experiment.experiment import Experiment
from automl.experiment.lock import is_driven
from automl.live.now import now
from automl.progress.importances import GrowingImportances
from automl.progress.tail import Follower
from automl.report.importance import importance_so_far
from automl.report.page.comparison import comparison
from automl.report.page.markup import Section, note
from automl.report.page.page import head, sections

_LOOK_EVERY_S = 1.0
_REST = 4
"""A page that took a second to compute is computed again after this many at the earliest."""


class Page:
    """Sections by name, each with the version at which it last changed."""

    def __init__(self, render: Callable[[], tuple[str, Sequence[Section]]]) -> None:
        self._render = render
        self._lock = threading.Lock()
        self._looked = 0.0
        self._heading = ""
        self._parts: Sequence[Section] = ()
        self._versions: dict[str, int] = {}
        self.version = 0

    def look(self) -> tuple[str, Sequence[Section]]:
        """Return the heading and the sections now."""
        with self._lock:
            if time.monotonic() >= self._looked + _LOOK_EVERY_S:
                self._refresh()
                self._looked = time.monotonic()
            return self._heading, self._parts

    def changes(self, since: int, wait_s: float) -> dict[str, Any]:
        """Return what changed since a version, after at most `wait_s` seconds."""
        deadline = time.monotonic() + wait_s
        while True:
            heading, parts = self.look()
            if self.version != since or time.monotonic() >= deadline:
                break
            time.sleep(_LOOK_EVERY_S / 2)
        return {
            "version": self.version,
            "heading": heading,
            "links": [[part.name, part.title] for part in parts],
            "sections": {p.name: p.html for p in parts if self._versions[p.name] > since},
        }

    def _refresh(self) -> None:
        heading, parts = self._render()
        before = {part.name: part.html for part in self._parts}
        changed = [part.name for part in parts if before.get(part.name) != part.html]
        if changed or heading != self._heading or len(parts) != len(before):
            self.version += 1
        self._versions |= dict.fromkeys(changed, self.version)
        self._heading, self._parts = heading, parts


class LiveExperiment:
    """One experiment, read from its folder whenever it has changed."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.name = root.resolve().name
        self.page = Page(self._render)
        self._follower = Follower(root)
        self._importances = GrowingImportances(root, importance_so_far)
        self._signature: Any = None
        self._report: list[Section] = []
        self._ready_at = 0.0
        self.experiment = Experiment.load(root)

    def _render(self) -> tuple[str, Sequence[Section]]:
        try:
            _, view = self._follower.look()
            shares = self._importances.look(view.measured) if view.state == "running" else {}
            signature = self._sign(), dict(shares)
            if signature != self._signature and time.monotonic() >= self._ready_at:
                self._compute(shares)
                self._signature = signature
        except AutomlError as error:
            return self.page_heading("unreadable"), [Section("now", "Now", [note(str(error))])]
        return self.page_heading(view.state), [now(self.experiment, view), *self._report]

    def page_heading(self, state: str) -> str:
        """Return the heading of its page."""
        return head(self.experiment, state)

    def _compute(self, shares: Mapping[str, float]) -> None:
        began = time.monotonic()
        self.experiment = replace(Experiment.load(self.root), importance_so_far=shares)
        space = self.experiment.space()
        self._report = sections(self.experiment, space, self.experiment.state)
        ended = time.monotonic()
        self._ready_at = ended + _REST * (ended - began)

    def _sign(self) -> Any:
        """Return what differs whenever the page has to be computed again."""
        paths = self._follower.paths
        files = (paths.journal, paths.importance, paths.promoted, paths.rejected, paths.requests)
        return is_driven(paths), [_stamp(path) for path in files]


def _stamp(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size


def compared(experiments: Sequence[LiveExperiment]) -> Page:
    """Return the page on which experiments stand side by side."""

    def render() -> tuple[str, Sequence[Section]]:
        for one in experiments:
            one.page.look()
        return comparison([one.experiment for one in experiments])

    return Page(render)
