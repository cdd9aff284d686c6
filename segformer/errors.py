"""The errors of a run, by whose fault they are.

SkillError
|-- SpecError           the spec: unknown key, value out of bounds, missing file       usage
|-- CheckpointError     the weights do not fit or cannot be read                       usage
|-- DataError           the data set: missing partners, sizes, mask values             bad_data
|-- OutOfMemoryError    the batch does not fit the device                              out_of_memory
|-- DivergedError       the loss is no longer a number                                 diverged
`-- RejectedError       a model that lost more quality than is allowed                 rejected
"""

import difflib
import re
from collections.abc import Iterable
from typing import Any

_FAULT = re.compile(
    r"(?P<key>[A-Za-z_][\w.\[\]]*): .*?(?:; did you mean (?P<nearest>\S+)\?)?", re.DOTALL
)


_CONTROL = re.compile(
    "[\\x00-\\x08\\x0b-\\x1f\\x7f-\\x9f\\u200e\\u200f\\u2028-\\u202e\\u2066-\\u2069\\ud800-\\udfff]"
)
"""What a terminal obeys, what turns the direction of letters, and halves of characters."""


def printable(text: str) -> str:
    """Return a text that changes nothing of a terminal: control characters are written out."""
    return _CONTROL.sub(lambda match: ascii(match[0])[1:-1], text)


def closest(name: str, names: Iterable[str]) -> str | None:
    """Return the one of `names` closest to `name` whatever its case, or None if none is close."""
    folded = {each.casefold(): each for each in names}
    close = difflib.get_close_matches(name.casefold(), folded, n=1)
    return folded[close[0]] if close else None


def nearest(name: str, names: Iterable[str]) -> str:
    """Return ``"; did you mean X?"`` for the one of `names` closest to `name`, or an empty text."""
    close = closest(name, names)
    return f"; did you mean {close}?" if close else ""


class SkillError(Exception):
    """A run that cannot continue; `kind` is the reason in one word, `faults` has one line each."""

    kind: str = "failed"

    def __init__(self, faults: str | Iterable[str]) -> None:
        self.faults: tuple[str, ...] = (faults,) if isinstance(faults, str) else tuple(faults)
        super().__init__(self.faults)

    def __str__(self) -> str:
        return "\n".join(self.faults)


class SpecError(SkillError):
    """The spec cannot be run: the user's fault."""

    kind = "usage"


class CheckpointError(SkillError):
    """A file of weights cannot be read, or none of its weights fits: the user's fault."""

    kind = "usage"


class DataError(SkillError):
    """The data set is not what the spec says: the user's fault."""

    kind = "bad_data"


class OutOfMemoryError(SkillError):
    """The batch does not fit the device's memory."""

    kind = "out_of_memory"


class DivergedError(SkillError):
    """The loss is infinite or not a number."""

    kind = "diverged"


class RejectedError(SkillError):
    """A converted model lost more quality than is allowed; its file is kept aside."""

    kind = "rejected"


USER_KINDS = ("usage", "bad_data")
"""The kinds of errors that are the user's fault."""


def error_to_dict(error: SkillError) -> dict[str, Any]:
    """Return the plain form of ``--json``: `error`, and `errors` for several faults of a request.

    The lines of another error belong together: they are one message.
    """
    faults = [_fault_to_dict(error.kind, fault) for fault in error.faults]
    if error.kind not in USER_KINDS:
        return {"error": {**faults[0], "message": str(error)}}
    return {"error": faults[0], **({"errors": faults} if len(faults) > 1 else {})}


def _fault_to_dict(kind: str, fault: str) -> dict[str, Any]:
    match = _FAULT.fullmatch(fault)
    named = {"key": match and match["key"], "nearest": match and match["nearest"]}
    return {"kind": kind, "message": fault, "value": None, "allowed": None, "next": None, **named}
