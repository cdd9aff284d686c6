"""An experiment on disk, told as its journal grows."""

import time
from pathlib import Path

from automl.errors import UsageError
from automl.experiment.journal import JournalReader
from automl.experiment.lock import is_driven
from automl.experiment.paths import ExperimentPaths
from automl.experiment.settings import Settings
from automl.progress.monitor import Monitor
from automl.progress.view import Message, View


class Follower:
    """The story of an experiment up to its journal's last whole line."""

    def __init__(self, root: Path) -> None:
        self.paths = ExperimentPaths(root)
        if not self.paths.exists():
            raise UsageError(f"{root}: is not an experiment folder (it has no settings.yaml)")
        settings = Settings.read(self.paths.settings)
        self.story = Monitor(root, settings)
        self._journal = JournalReader(self.paths.journal)

    def new(self) -> list[Message]:
        """Take in what was added since the last call and return what there is to tell of it."""
        return [told for event in self._journal.new() for told in self.story.apply(event)]

    def look(self) -> tuple[list[Message], View]:
        """Take in what is new; return it and how the experiment stands, driven or not."""
        # Asked first: whoever drove it up to now has written all there is.
        is_live = is_driven(self.paths)
        return self.new(), self.view(is_live=is_live)

    def view(self, *, is_live: bool) -> View:
        """Return how the experiment stands now."""
        state = "running" if is_live else self.story.experiment.ledger.closed or "interrupted"
        return self.story.view(state, time.time())
