"""Follows an experiment on disk while its journal grows."""

import time
from pathlib import Path

from automl.errors import UsageError
from automl.experiment.experiment import event_check
from automl.experiment.journal import JournalReader
from automl.experiment.lock import is_driven
from automl.experiment.paths import ExperimentPaths
from automl.experiment.settings import Settings
from automl.progress.monitor import Monitor
from automl.progress.view import Message, View


class Follower:
    """Follows an experiment up to the last whole line of its journal."""

    def __init__(self, root: Path) -> None:
        self.paths = ExperimentPaths(root)
        if not self.paths.exists():
            raise UsageError(f"{root}: is not an experiment folder (it has no settings.yaml)")
        settings = Settings.read(self.paths.settings)
        self.monitor = Monitor(root, settings)
        self._journal = JournalReader(self.paths.journal, event_check(settings))

    def new(self) -> list[Message]:
        """Take in the events since the last call and return their messages."""
        return [message for event in self._journal.new() for message in self.monitor.apply(event)]

    def look(self) -> tuple[list[Message], View]:
        """Take in new events; return their messages and the view of the experiment."""
        # Checked first: a driver that has ended has written all of its events.
        is_live = is_driven(self.paths)
        return self.new(), self.view(is_live=is_live)

    def view(self, *, is_live: bool) -> View:
        """Return the view of the experiment now."""
        state = "running" if is_live else self.monitor.experiment.history.closed or "interrupted"
        return self.monitor.view(state, time.time())
