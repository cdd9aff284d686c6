"""Reads one entry of an overlay: its words, and the checks that need no schema."""

import re
from collections.abc import Mapping
from typing import Any

from automl.errors import UsageError, nearest
from automl.schema.conditions import parse_condition
from automl.schema.spec import parse_value
from automl.schema.values import number_of
from automl.space.overlay.entry import Entry

ENTRY_WORDS = (
    "low", "high", "log", "step", "choices", "weights", "fixed", "prior", "active_when",
    "depends_on", "only_if", "otherwise", "override",
)  # fmt: skip


def words_of(key: str, words: Any, source: str) -> Mapping[str, Any]:
    """Return the words of an entry; raises `UsageError` for unknown ones."""
    words = {} if words is None else words
    if not isinstance(words, Mapping):
        raise UsageError(
            f"{source}: {key}: {words!r} must be a mapping, such as {{low: 1, high: 2}}"
        )
    unknown = [f"{source}: {key}: unknown key {word!r}{nearest(str(word), ENTRY_WORDS)}"
               for word in words if word not in ENTRY_WORDS]  # fmt: skip
    if unknown:
        raise UsageError(*unknown)
    return words


def entry_from_words(
    key: str, words: Mapping[str, Any], *, may_override: bool, source: str
) -> Entry:
    """Return the entry of words that `words_of` accepted; raises `UsageError` for their values."""
    content = {word: plain(value) for word, value in words.items()}
    for word in ("choices", "weights"):
        if word in content:
            if not isinstance(content[word], list) or not content[word]:
                raise UsageError(f"{source}: {key}: {word} must be a list")
            content[word] = tuple(content[word])
    if "active_when" in content:
        value = content["active_when"]
        alternatives = value if isinstance(value, list) else [value]
        if not all(isinstance(one, Mapping) and one for one in alternatives):
            raise UsageError(f"{source}: {key}: active_when must map keys to values")
        content["active_when"] = tuple(alternatives)
    if "only_if" in content:
        content["only_if"] = _comparisons(key, content["only_if"], source)
    elif "otherwise" in content:
        raise UsageError(f"{source}: {key}: otherwise needs only_if")
    override = content.pop("override", False)
    return checked(Entry(key, **content, override=override is True or may_override, source=source))


def _comparisons(key: str, value: Any, source: str) -> dict[str, str]:
    """Return comparisons by name of a fact; raises `UsageError` for anything else."""
    where = f"{source}: {key}: only_if"
    if not isinstance(value, Mapping) or not value:
        raise UsageError(f"{where} must map facts to comparisons, as {{train_images: '> 200'}}")
    for name, text in value.items():
        condition = parse_condition(key, text, None) if isinstance(text, str) else None
        if condition is None or not condition.comparisons:
            raise UsageError(f"{where}: {name}: {text!r} is not a comparison such as '> 200'")
    return dict(value)


def checked(entry: Entry) -> Entry:
    """Return an entry after checking that its numbers are; raises `UsageError` if they are not."""
    where = f"{entry.source}: {entry.key}"
    for word in ("low", "high"):
        value = getattr(entry, word)
        for number in value if isinstance(value, list) else [value]:
            if number is not None and not abs(number_of(number) or 0.0) < float("inf"):
                raise UsageError(f"{where}: {word} {value!r} is not finite")
            if number is not None and number_of(number) is None:
                raise UsageError(f"{where}: {word} {value!r} is not a number")
    if entry.step is not None and not 0 < (number_of(entry.step) or 0) < float("inf"):
        raise UsageError(f"{where}: step {entry.step!r} is not a number above 0")
    if entry.log is not None and not isinstance(entry.log, bool):
        raise UsageError(f"{where}: log {entry.log!r} must be true or false")
    if entry.depends_on is not None and not isinstance(entry.depends_on, str):
        raise UsageError(f"{where}: depends_on {entry.depends_on!r} must be a key")
    return entry


def plain(value: Any) -> Any:
    """Return a YAML value with texts such as ``1e-4``, which YAML 1.1 does not read, as numbers."""
    if isinstance(value, list):
        return [plain(item) for item in value]
    if isinstance(value, str) and re.fullmatch(r"[-+]?[\d.]+[eE][-+]?\d+", value):
        return parse_value(value)
    return value
