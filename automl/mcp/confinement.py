"""Keeps a program inside one folder: no path that it gives leads outside, no secret passes."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from automl.errors import Fault, UsageError
from automl.experiment.paths import RUNS
from automl.redact import redacted

_ADDRESS = re.compile(r"^[A-Za-z][A-Za-z0-9+.-]*:(?://|/)")
_SECRET_KEY = re.compile(
    r"(?:^|[._-])(?:\w*_)?(?:key|token|secret|password|passwd|credentials?)$", re.IGNORECASE
)


def check_confined(arguments: Mapping[str, Any], root: Path, *, prose: str = "request") -> None:
    """Raise `UsageError` for texts in arguments that name a place outside `root`, or a secret.

    Links are followed. The argument `prose` is words for people and names no files.
    """
    faults: list[str] = []
    for name, value in arguments.items():
        for key, text in _texts(name, value):
            if redacted(text) != text or (_SECRET_KEY.search(key) and text):
                faults.append(_secret(key))
            elif name != prose and leads_outside(text, root):
                faults.append(_outside(key, text, root))
    if faults:
        raise UsageError(*faults)


def leads_outside(text: str, root: Path) -> bool:
    """Whether a text is an address, or a path that is not inside `root` once links are followed.

    The name of an experiment is a path below runs/.
    """
    if _ADDRESS.match(text) or text.startswith("~"):
        return True
    if "\0" in text or len(text) > 4096:
        return True
    try:
        places = [(above / text).resolve() for above in (root, root / RUNS)]
        return not all(place.is_relative_to(root.resolve()) for place in places)
    except (OSError, RuntimeError):  # A ring of links, a name that is too long.
        return True


def _texts(key: str, value: Any) -> Iterator[tuple[str, str]]:
    """Yield all texts of a value, each with its dotted key; keys are texts, too."""
    if isinstance(value, str):
        yield key, value
    elif isinstance(value, Mapping):
        for name, inner in value.items():
            yield from _texts(f"{key}.{name}", inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _texts(key, inner)


def _secret(key: str) -> Fault:
    return Fault(
        f"{key}: holds a secret, which does not pass through this server; set it in the "
        "server's environment",
        key=key,
    )


def _outside(key: str, text: str, root: Path) -> Fault:
    return Fault(
        f"{key}: {text!r} is outside the server's folder; give a path inside {root}",
        key=key, value=text, allowed=f"paths inside {root}",
    )  # fmt: skip
