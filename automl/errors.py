"""The errors of the controller; each class knows the exit code of the command line.

AutomlError
|- UsageError   2   the user's mistake: one line a fault
|- RunFailed    1   the search or the promotion failed
`- Stopped     75   ended early, can be resumed
"""

import difflib
from collections.abc import Iterable

EXIT_DIRECT_INSTEAD = 3
"""Done, but trained directly where a search was due and could not be made; not an error."""


class AutomlError(Exception):
    """An error that the command line tells in one line a fault, without a traceback."""

    exit_code = 1

    def __init__(self, *faults: str) -> None:
        super().__init__("\n".join(faults))
        self.faults = faults


class UsageError(AutomlError):
    """The request cannot be carried out as it was made."""

    exit_code = 2


class RunFailed(AutomlError):
    """A search or promotion was started and did not reach its end."""


class Stopped(AutomlError):
    """The experiment was stopped from outside and can be resumed."""

    exit_code = 75


def disagreement(*sources: str) -> str:
    """Return the fault of options that contradict each other, e.g. `--epochs 3` and `epochs=4`."""
    return f"{' and '.join(sources)} disagree; give one of them"


def nearest(name: str, known: Iterable[str]) -> str:
    """Return ``"; did you mean X?"`` for the known name closest to `name`, or an empty text."""
    match = difflib.get_close_matches(name, list(known), n=1, cutoff=0.5)
    return f"; did you mean {match[0]}?" if match else ""
