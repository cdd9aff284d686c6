"""The errors of automl; each class has the exit code and the kind that the command line reports.

AutomlError
|- UsageError   2   the user's mistake: one line per fault
|- RunFailed    1   the search or the promotion failed
|- Stopped     75   ended early, can be resumed
`- Interrupted 130  Ctrl-C
"""

import difflib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

EXIT_DIRECT_INSTEAD = 3
"""Trained directly because the search that was due could not run; not an error."""

_FAULT_OF_A_SKILL = re.compile(
    r"(?P<key>[A-Za-z_][\w.\[\]]*): .*?(?:; did you mean (?P<nearest>\S+)\?)?", re.DOTALL
)

_FAULT_OF_A_FLAG = re.compile(
    r"(?P<key>--[a-z][\w-]*)(?: \S+)?: .*?(?:; did you mean (?P<nearest>\S+)\?.*)?", re.DOTALL
)


class Fault(str):
    """One fault: a line of text, and for programs the parts that it was made of."""

    key: str | None = None
    """The flag, option or key of the spec that is at fault."""
    value: Any = None
    allowed: tuple[Any, ...] | str | None = None
    """The values that are allowed, or a description of them."""
    nearest: str | None = None
    """The allowed name that is closest to the one given."""
    next: str | None = None
    """A command that helps."""

    def __new__(
        cls,
        text: str,
        *,
        key: str | None = None,
        value: Any = None,
        allowed: Iterable[Any] | str | None = None,
        nearest: str | None = None,
        next: str | None = None,
    ) -> "Fault":
        """Return the line `text` with its parts."""
        fault = super().__new__(cls, text)
        fault.key, fault.value = key, value
        fault.allowed = allowed if isinstance(allowed, str | None) else tuple(allowed)
        fault.nearest, fault.next = nearest, next
        return fault

    def to_dict(self) -> dict[str, Any]:
        """Return the plain form of ``--json``."""
        return {"message": str(self), **self._parts()}

    def with_text(self, text: str, **parts: Any) -> "Fault":
        """Return the fault in other words; `parts` replace its own."""
        return Fault(text, **{**self._parts(), **parts})

    def _parts(self) -> dict[str, Any]:
        names = ("key", "value", "allowed", "nearest", "next")
        return {name: getattr(self, name) for name in names}


class AutomlError(Exception):
    """An error that the command line reports in one line per fault, without a traceback."""

    exit_code = 1
    error_kind = "failed"
    """The kind in JSON; not `kind`, which marks the errors of skills."""

    def __init__(self, *faults: str, kind: str | None = None) -> None:
        super().__init__("\n".join(faults))
        self.error_kind = kind or self.error_kind
        self.faults: tuple[Fault, ...] = tuple(map(_fault_of_a_flag, faults))


class UsageError(AutomlError):
    """The request cannot be carried out as it is."""

    exit_code = 2
    error_kind = "usage"


class RunFailed(AutomlError):
    """A search or promotion failed after it was started."""


class Stopped(AutomlError):
    """The experiment was stopped from outside and can be resumed."""

    exit_code = 75
    error_kind = "stopped"


class Interrupted(AutomlError):
    """The command was ended by Ctrl-C."""

    exit_code = 130
    error_kind = "interrupted"


@contextmanager
def faults_named(flag: str, value: Any) -> Iterator[None]:
    """Put a flag in front of the faults of its value."""
    try:
        yield
    except UsageError as error:
        faults = [
            fault.with_text(f"{flag}: {fault}", key=flag, value=value) for fault in error.faults
        ]
        raise UsageError(*faults, kind=error.error_kind) from error


def check_all(*checks: Callable[[], object]) -> None:
    """Make checks that do not need each other; raises `UsageError` naming the faults of all."""
    faults: list[Fault] = []
    for check in checks:
        try:
            check()
        except UsageError as error:
            faults.extend(error.faults)
    if faults:
        raise UsageError(*faults)


def not_one_of(
    key: str, value: Any, allowed: Iterable[Any], *, aliases: Iterable[str] = (), more: str = ""
) -> Fault:
    """Return the fault of a value that is none of those allowed, with the nearest of them.

    `aliases` are allowed too and offered, but not listed; `more` is added to the list.
    """
    names = tuple(allowed)
    # Of numbers none is a misspelt other one.
    close = closest(value, (*map(str, names), *aliases)) if isinstance(value, str) else None
    text = f"{key}: {value!r} is not one of {', '.join(map(str, names))}{more}{_hint(close)}"
    return Fault(text, key=key, value=value, allowed=names, nearest=close)


def not_allowed(key: str, value: Any, must: str, *, source: str | None = None) -> Fault:
    """Return the fault of a value that breaks a rule, e.g. that it must be `1 or more`."""
    place = key if source is None else f"{source}: {key}"
    is_round = isinstance(value, float) and value.is_integer()
    shown = f"{value:g}" if is_round else repr(value)
    return Fault(
        f"{place}: {shown} is not allowed: must be {must}", key=key, value=value, allowed=must
    )


def unknown_key(
    key: object, keys: Iterable[str], *, source: str | None = None, otherwise: str = ""
) -> Fault:
    """Return the fault of a key that there is not; `otherwise` is added if none is close.

    Of dotted keys only those of the same section are listed as allowed.
    """
    names = tuple(keys)
    close = closest(str(key), names)
    place = str(key) if source is None else f"{source}: {key}"
    text = f"{place}: unknown key{_hint(close) or otherwise}"
    return Fault(text, key=str(key), allowed=_siblings(str(key), names), nearest=close)


def disagreement(*sources: str) -> Fault:
    """Return the fault of options that contradict each other, e.g. `--epochs 3` and `epochs=4`."""
    text = f"{' and '.join(sources)} disagree; give one of them"
    return Fault(text, key=re.split(r"[ =]", sources[0])[0], allowed=sources)


def fault_of_a_skill(text: str) -> Fault:
    """Return a skill's fault, which is only a text: `key: what is wrong; did you mean name?`."""
    match = _FAULT_OF_A_SKILL.fullmatch(text)
    return Fault(text) if match is None else Fault(text, key=match["key"], nearest=match["nearest"])


def _fault_of_a_flag(text: str) -> Fault:
    """Return a fault; one that is only a text has the flag that it begins with as its key."""
    if isinstance(text, Fault):
        return text
    match = _FAULT_OF_A_FLAG.fullmatch(text)
    return Fault(text) if match is None else Fault(text, key=match["key"], nearest=match["nearest"])


def nearest(name: str, names: Iterable[str]) -> str:
    """Return ``"; did you mean X?"`` for the one of `names` closest to `name`, or an empty text."""
    return _hint(closest(name, names))


def closest(name: str, names: Iterable[str]) -> str | None:
    """Return the one of `names` closest to `name` whatever its case, or None if none is close."""
    folded = {each.casefold(): each for each in names}
    close = difflib.get_close_matches(name.casefold(), folded, n=1, cutoff=0.5)
    return folded[close[0]] if close else None


def _siblings(key: str, names: tuple[str, ...]) -> list[str]:
    """Return the names of the innermost section of a key that has any."""
    section = key
    while section:
        section = section.rpartition(".")[0]
        if siblings := [
            name for name in names if name.startswith(f"{section}." if section else "")
        ]:
            return siblings
    return list(names)


def _hint(name: str | None) -> str:
    return f"; did you mean {name}?" if name else ""


def error_to_dict(error: AutomlError) -> Mapping[str, Any]:
    """Return the plain form of ``--json``: `error`, and `errors` for several faults of a request.

    The lines of another error belong together: they are one message.
    """
    faults = [{"kind": error.error_kind, **fault.to_dict()} for fault in error.faults]
    if not isinstance(error, UsageError):
        return {"error": {**faults[0], "message": str(error)}}
    return {"error": faults[0], **({"errors": faults} if len(faults) > 1 else {})}
