"""The disk of an experiment: what dead processes left on it, and whether a trial still fits."""

import errno
import re
from dataclasses import dataclass
from pathlib import Path

from automl.experiment.experiment import Experiment
from automl.experiment.paths import ExperimentPaths
from automl.formats import size
from automl.machine.disk import RESERVE, folder_size, free_bytes
from automl.machine.leash import is_alive

_BEGUN = re.compile(r"\..+\.(\d+)")
"""A file that `write_atomic` began: the name and the process."""


def sweep(paths: ExperimentPaths) -> None:
    """Remove files that processes began to write and did not end, as they were killed.

    To be called by the one process that drives the experiment.
    """
    for folder in (paths.root, *paths.root.glob("trials/*/"), *paths.root.glob("trials/*/*/")):
        for path in folder.glob(".*.*"):
            match = _BEGUN.fullmatch(path.name)
            if match and path.is_file() and not is_alive(int(match[1])):
                path.unlink(missing_ok=True)


@dataclass
class Disk:
    """Compares the free disk with what the largest trial so far takes."""

    experiment: Experiment
    largest: int = 0
    """Bytes of the largest trial that ended in this session."""

    def finished(self, folder: Path) -> None:
        """Take in a trial that ended."""
        self.largest = max(self.largest, folder_size(folder))

    def check(self, *, is_launch: bool = False) -> None:
        """Raise `OSError` (ENOSPC) if little is free, before a launch if a trial may not fit."""
        needed = RESERVE + (self.largest if is_launch else 0)
        root = self.experiment.paths.root
        free = free_bytes(root)
        if free < needed:
            text = f"only {size(free)} of the disk are free"
            if is_launch and self.largest:
                text += f", and a trial takes {size(self.largest)}"
            raise OSError(errno.ENOSPC, text, str(root))
