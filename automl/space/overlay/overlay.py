"""Overlays of a search space: YAML that adds, drops, narrows, widens and fixes parameters.

description: one line
override: false            # true: entries may leave what the schema allows
drop: [key, ...]
parameters:
  key: {low, high, log, step, choices, weights, prior, active_when, depends_on, override}
  key: {fixed: value}
  key: {}                  # searched with the schema's range
custom_param_ranges: ...   # TAO's notation, see `automl.space.overlay.tao`
"""

import re
import sysconfig
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from automl.errors import UsageError, nearest
from automl.files import read_yaml
from automl.schema.spec import parse_value
from automl.schema.values import number_of
from automl.space.overlay.entry import Entry
from automl.space.overlay.tao import entries_from_tao

_WORDS = ("description", "override", "drop", "parameters", "custom_param_ranges")
_ENTRY_WORDS = (
    "low", "high", "log", "step", "choices", "weights", "fixed", "prior", "active_when",
    "depends_on", "override",
)  # fmt: skip
_CALL = re.compile(r"(\w+)\s*\((.*)\)\s*", re.DOTALL)
_UNCLOSED = re.compile(r"\w+\s*\([^)]*", re.DOTALL)
_EXPRESSIONS = ("log", "uniform", "choice", "auto")


@dataclass(frozen=True)
class Overlay:
    """The changes of an overlay to a space."""

    entries: Mapping[str, Entry] = field(default_factory=dict)
    dropped: frozenset[str] = frozenset()
    fixed: Mapping[str, Any] = field(default_factory=dict)
    description: str = ""


def overlay_from_file(path: Path) -> Overlay:
    """Read an overlay; raises `UsageError` naming all its faults."""
    return overlay_from_dict(_or(read_yaml(path), {}), source=str(path))


def overlay_from_dict(content: Any, *, source: str) -> Overlay:
    """Return the overlay of a plain mapping; raises `UsageError` naming all faults."""
    if not isinstance(content, Mapping):
        raise UsageError(f"{source}: is not a mapping of {', '.join(_WORDS)}")
    faults = [f"{source}: unknown key {word!r}{nearest(str(word), _WORDS)}"
              for word in content if word not in _WORDS]  # fmt: skip
    parameters = _or(content.get("parameters"), {})
    drop = _or(content.get("drop"), [])
    if not isinstance(parameters, Mapping):
        faults.append(f"{source}: parameters must map keys to what changes")
        parameters = {}
    if not isinstance(drop, list) or not all(isinstance(key, str) for key in drop):
        faults.append(f"{source}: drop must be a list of keys")
        drop = []
    may_override = content.get("override", False)
    if not isinstance(may_override, bool):
        faults.append(f"{source}: override must be true or false")
    entries: dict[str, Entry] = {}
    fixed: dict[str, Any] = {}
    for key, words in parameters.items():
        try:
            _take(str(key), words, may_override is True, source, entries, fixed)
        except UsageError as error:
            faults.extend(error.faults)
    try:
        tao = entries_from_tao(_or(content.get("custom_param_ranges"), {}), source=source)
    except UsageError as error:
        faults.extend(error.faults)
        tao = {}
    twice = [key for key in (*entries, *fixed) if key in drop or key in tao]
    faults += [f"{source}: {key} is listed twice" for key in twice]
    if faults:
        raise UsageError(*faults)
    description = str(content.get("description", ""))
    return Overlay({**tao, **entries}, frozenset(drop), fixed, description)


def entry_from_expression(key: str, text: str) -> Entry:
    """Return the entry of ``--search key=EXPR``.

    EXPR is log(low,high), uniform(low,high[,step]), choice(a,b,...), or auto: as the schema says.
    """
    source = "--search"
    if text.strip() == "auto":
        return Entry(key, source=source)
    call = _CALL.fullmatch(text.strip())
    if call is None and _UNCLOSED.fullmatch(text.strip()):
        raise UsageError(f"--search: {key}: {text!r} lacks its closing parenthesis")
    name, arguments = (call[1], _arguments(key, call[2])) if call else (text, [])
    if call is None or name not in _EXPRESSIONS:
        raise UsageError(
            f"--search: {key}: {text!r} is not understood{nearest(name, _EXPRESSIONS)}; allowed "
            "are log(low,high), uniform(low,high), uniform(low,high,step), choice(a,b,...) and auto"
        )
    if name == "choice" and arguments:
        return _checked(Entry(key, choices=tuple(arguments), source=source))
    counts = (2, 3) if name == "uniform" else (2,)
    if name != "choice" and len(arguments) in counts:
        low, high, *step = arguments
        return _checked(
            Entry(key, low=low, high=high, log=name == "log", step=step[0] if step else None,
                  source=source)
        )  # fmt: skip
    raise UsageError(f"--search: {key}: {text!r} has {len(arguments)} values, which is not allowed")


def overlay_path(name: str, skill: str, folders: Iterable[Path]) -> Path:
    """Return the file of ``--space NAME|FILE``; raises `UsageError` listing the known names.

    A name is looked up in the skill's own folder, then among the overlays that ship with this
    package: at the top of a checkout, or in share/automl if it is installed.
    """
    path = Path(name)
    if path.suffix in (".yaml", ".yml", ".json") or path.is_file():
        return path
    checkout = Path(__file__).parents[3] / "search_spaces"
    installed = Path(sysconfig.get_path("data"), "share", "automl", "search_spaces")
    overlays: dict[str, Path] = {}
    for folder in (*folders, checkout / skill, installed / skill):
        for file in sorted(folder.glob("*.yaml")):
            overlays.setdefault(file.stem, file)
    if name not in overlays:
        raise UsageError(
            f"--space: {name!r} is not one of {', '.join(overlays) or 'none (there are none)'}"
            f"{nearest(name, overlays)}; or give a YAML file"
        )
    return overlays[name]


def _or(value: Any, missing: Any) -> Any:
    return missing if value is None else value


def _take(
    key: str, words: Any, may_override: bool, source: str, entries: dict[str, Entry],
    fixed: dict[str, Any],
) -> None:  # fmt: skip
    """Sort one entry of a file into `entries` or `fixed`."""
    words = {} if words is None else words
    if not isinstance(words, Mapping):
        raise UsageError(
            f"{source}: {key}: {words!r} must be a mapping, such as {{low: 1, high: 2}}"
        )
    unknown = [f"{source}: {key}: unknown key {word!r}{nearest(str(word), _ENTRY_WORDS)}"
               for word in words if word not in _ENTRY_WORDS]  # fmt: skip
    if unknown:
        raise UsageError(*unknown)
    if "fixed" in words:
        if len(words) > 1:
            raise UsageError(f"{source}: {key}: fixed excludes other keys")
        fixed[key] = words["fixed"]
        return
    content = {word: _plain(value) for word, value in words.items()}
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
    override = content.pop("override", False)
    entries[key] = _checked(
        Entry(key, **content, override=override is True or may_override, source=source)
    )


def _checked(entry: Entry) -> Entry:
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


def _arguments(key: str, text: str) -> list[Any]:
    try:
        values = yaml.safe_load(f"[{text}]")
    except yaml.YAMLError as error:
        raise UsageError(f"--search: {key}: ({text}) is not a list of values") from error
    return [_plain(value) for value in values]


def _plain(value: Any) -> Any:
    """Return a YAML value with texts such as ``1e-4``, which YAML 1.1 does not read, as numbers."""
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, str) and re.fullmatch(r"[-+]?[\d.]+[eE][-+]?\d+", value):
        return parse_value(value)
    return value
