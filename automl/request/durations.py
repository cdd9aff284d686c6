"""Durations as a user writes them: `2h`, `90m`, `1h30m`."""

import re

from automl.errors import Fault, UsageError, not_allowed

_DURATION = re.compile(r"(?:(\d+)h)?(?:(\d+)m(?:in)?)?(?:(\d+)s)?")


OFF, AUTO = "off", "auto"


def seconds(text: str, flag: str = "--time", *, otherwise: str = "") -> float:
    """Return the seconds of a duration like `1h30m`; raises `UsageError` for another text."""
    match = _DURATION.fullmatch(text.strip())
    if not match or not any(match.groups()):
        forms = f"2h, 90m, 1h30m or 45s{otherwise}"
        fault = f"{flag}: {text!r} is not a duration: give hours, minutes and seconds as {forms}"
        raise UsageError(Fault(fault, key=flag, value=text, allowed=forms))
    hours, minutes, rest = (int(group or 0) for group in match.groups())
    return float(hours * 3600 + minutes * 60 + rest)


def check_hang_limit(text: str) -> None:
    """Raise `UsageError` unless it is auto, off or a duration of at least a second."""
    if text not in (OFF, AUTO) and not seconds(text, "--hang-limit", otherwise=", or off"):
        raise UsageError(not_allowed("--hang-limit", text, "at least 1s, or off"))
