"""Converts TAO's custom_param_ranges into entries of an overlay.

Bounds in a list of one number mean a log scale, unless disable_list is true. A longer list has one
bound for each place of a list.
"""

from collections.abc import Mapping
from typing import Any

from automl.errors import UsageError, nearest
from automl.schema.values import number_of
from automl.space.overlay.entry import Entry

_WORDS = (
    "valid_min", "valid_max", "valid_options", "option_weights", "depends_on", "disable_list"
)  # fmt: skip


def entries_from_tao(ranges: Any, *, source: str) -> dict[str, Entry]:
    """Return the entries; raises `UsageError` for unknown keys, with the nearest name."""
    if not isinstance(ranges, Mapping):
        raise UsageError(f"{source}: custom_param_ranges must map keys to ranges")
    entries, faults = {}, []
    for key, words in ranges.items():
        where = f"{source}: custom_param_ranges: {key}"
        if not isinstance(words, Mapping):
            faults.append(f"{where}: {words!r} is not a mapping of {', '.join(_WORDS)}")
            continue
        unknown = [word for word in words if word not in _WORDS]
        faults += [f"{where}: unknown key {w!r}{_nearest(str(w))}" for w in unknown]
        try:
            if not unknown:
                entries[str(key)] = _entry(str(key), words, where)
        except UsageError as error:
            faults.extend(error.faults)
    if faults:
        raise UsageError(*faults)
    return entries


def _nearest(word: str) -> str:
    usual = {"min": "valid_min", "max": "valid_max", "low": "valid_min", "high": "valid_max",
             "values": "valid_options", "choices": "valid_options",
             "weights": "option_weights"}  # fmt: skip
    return f"; did you mean {usual[word]}?" if word in usual else nearest(word, _WORDS)


def _entry(key: str, words: Mapping[str, Any], where: str) -> Entry:
    is_plain = words.get("disable_list", False)
    if not isinstance(is_plain, bool):
        raise UsageError(f"{where}: disable_list {is_plain!r} must be true or false")
    low, low_is_listed = _bound(words, "valid_min", where)
    high, high_is_listed = _bound(words, "valid_max", where)
    is_log = None
    if low_is_listed or high_is_listed:
        is_log = not is_plain
    depends_on = words.get("depends_on")
    if depends_on is not None and not isinstance(depends_on, str):
        raise UsageError(f"{where}: depends_on {depends_on!r} must be a key")
    return Entry(
        key,
        low=low,
        high=high,
        log=is_log,
        choices=_list(words, "valid_options", where),
        weights=_list(words, "option_weights", where),
        depends_on=depends_on,
        source=where.removesuffix(f": {key}"),
    )


def _bound(words: Mapping[str, Any], word: str, where: str) -> tuple[Any, bool]:
    """Return a bound, and whether it was in a list of one."""
    value = words.get(word)
    numbers = value if isinstance(value, list) else [value]
    if value is None:
        return None, False
    if not numbers or any(not abs(number_of(n) or 0) < float("inf") for n in numbers) or any(
        number_of(n) is None for n in numbers
    ):  # fmt: skip
        raise UsageError(f"{where}: {word} {value!r} is not a finite number")
    if isinstance(value, list):
        return (value[0], True) if len(value) == 1 else (value, False)
    return value, False


def _list(words: Mapping[str, Any], word: str, where: str) -> tuple[Any, ...] | None:
    value = words.get(word)
    if value is None:
        return None
    if isinstance(value, str):
        value = [part.strip() for part in value.split(",")]
    if not isinstance(value, list) or not value:
        raise UsageError(f"{where}: {word} {value!r} must be a list")
    return tuple(value)
