"""The errors of automl; each class has the exit code of the command line.

AutomlError
|- UsageError   2   the user's mistake: one line per fault
|- RunFailed    1   the search or the promotion failed
`- Stopped     75   ended early, can be resumed
"""

import difflib
from collections.abc import Iterable

EXIT_DIRECT_INSTEAD = 3
"""Trained directly because the search that was due could not run; not an error."""


class AutomlError(Exception):
    """An error that the command line reports in one line per fault, without a traceback."""

    exit_code = 1

    def __init__(self, *faults: str) -> None:
        super().__init__("\n".join(faults))
        self.faults = faults


class UsageError(AutomlError):
    """The request cannot be carried out as it is."""

    exit_code = 2


class RunFailed(AutomlError):
    """A search or promotion failed after it was started."""


class Stopped(AutomlError):
    """The experiment was stopped from outside and can be resumed."""

    exit_code = 75


def disagreement(*sources: str) -> str:
    """Return the fault of options that contradict each other, e.g. `--epochs 3` and `epochs=4`."""
    return f"{' and '.join(sources)} disagree; give one of them"


def nearest(name: str, names: Iterable[str]) -> str:
    """Return ``"; did you mean X?"`` for the one of `names` closest to `name`, or an empty text."""
    match = difflib.get_close_matches(name, list(names), n=1, cutoff=0.5)
    return f"; did you mean {match[0]}?" if match else ""
