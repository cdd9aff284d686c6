"""Durations as a user writes them: `2h`, `90m`, `1h30m`."""

import re

from automl.errors import UsageError

_DURATION = re.compile(r"(?:(\d+)h)?(?:(\d+)m(?:in)?)?(?:(\d+)s)?")


def seconds(text: str) -> float:
    """Return the seconds of a duration like `1h30m`; raises `UsageError` for another text."""
    match = _DURATION.fullmatch(text.strip())
    if not match or not any(match.groups()):
        raise UsageError(f"--time: {text!r} is not a duration: give hours, minutes and seconds as "
                         "2h, 90m, 1h30m or 45s")  # fmt: skip
    hours, minutes, rest = (int(group or 0) for group in match.groups())
    return float(hours * 3600 + minutes * 60 + rest)
