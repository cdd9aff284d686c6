"""Overlays of a search space: YAML that adds, drops, narrows, widens and fixes parameters.

description: one line
trial_0: spec              # priors: trial 0 has the priors, where there are some
override: false            # true: entries may leave what the schema allows
drop: [key, ...]
parameters:
  key: {low, high, log, step, choices, weights, prior, active_when, depends_on, only_if, otherwise,
        override}
  key: {fixed: value}
  key: {choices: {name: {set, search, weight}}}      # see `automl.space.overlay.named`
  key: {}                  # searched with the schema's range
custom_param_ranges: ...   # TAO's notation, see `automl.space.overlay.tao`
"""

import re
import sysconfig
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import yaml

from automl.errors import UsageError, nearest
from automl.files import read_yaml
from automl.space.overlay.entry import Entry
from automl.space.overlay.named import NamedChoices, named_choices
from automl.space.overlay.tao import entries_from_tao
from automl.space.overlay.words import checked, entry_from_words, plain, words_of

_WORDS = ("description", "trial_0", "override", "drop", "parameters", "custom_param_ranges")
_FIRST = ("spec", "priors")
_CALL = re.compile(r"(\w+)\s*\((.*)\)\s*", re.DOTALL)
_UNCLOSED = re.compile(r"\w+\s*\([^)]*", re.DOTALL)
_EXPRESSIONS = ("log", "uniform", "choice", "auto")


@dataclass(frozen=True)
class Overlay:
    """The changes of an overlay to a space."""

    entries: Mapping[str, Entry] = field(default_factory=dict)
    dropped: frozenset[str] = frozenset()
    fixed: Mapping[str, Any] = field(default_factory=dict)
    named: Mapping[str, NamedChoices] = field(default_factory=dict)
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
    first = content.get("trial_0", "spec")
    if first not in _FIRST:
        faults.append(f"{source}: trial_0 {first!r} must be {' or '.join(_FIRST)}")
    taken: dict[str, dict[str, Any]] = {"entries": {}, "fixed": {}, "named": {}}
    for key, words in parameters.items():
        try:
            _take(str(key), words, may_override is True, source, taken)
        except UsageError as error:
            faults.extend(error.faults)
    try:
        tao = entries_from_tao(_or(content.get("custom_param_ranges"), {}), source=source)
    except UsageError as error:
        faults.extend(error.faults)
        tao = {}
    twice = [key for kind in taken.values() for key in kind if key in drop or key in tao]
    faults += [f"{source}: {key} is listed twice" for key in twice]
    if faults:
        raise UsageError(*faults)
    description = str(content.get("description", ""))
    entries = {
        key: replace(entry, starts_at_prior=first == "priors")
        for key, entry in {**tao, **taken["entries"]}.items()
    }
    return Overlay(entries, frozenset(drop), taken["fixed"], taken["named"], description)


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
        return checked(Entry(key, choices=tuple(arguments), source=source))
    counts = (2, 3) if name == "uniform" else (2,)
    if name != "choice" and len(arguments) in counts:
        low, high, *step = arguments
        return checked(
            Entry(key, low=low, high=high, log=name == "log", step=step[0] if step else None,
                  source=source)
        )  # fmt: skip
    raise UsageError(f"--search: {key}: {text!r} has {len(arguments)} values, which is not allowed")


def named_overlays(skill: str, folders: Iterable[Path]) -> dict[str, Path]:
    """Return the overlays of a skill by name.

    The skill's own folders come first, then what ships with this package: at the top of a checkout,
    or in share/automl if it is installed.
    """
    checkout = Path(__file__).parents[3] / "search_spaces"
    installed = Path(sysconfig.get_path("data"), "share", "automl", "search_spaces")
    overlays: dict[str, Path] = {}
    for folder in (*folders, checkout / skill, installed / skill):
        for file in sorted(folder.glob("*.yaml")):
            overlays.setdefault(file.stem, file)
    return overlays


def overlay_path(
    name: str, skill: str, folders: Iterable[Path], *, source: str = "--space"
) -> Path:
    """Return the file of ``--space NAME|FILE``; raises `UsageError` listing the known names.

    A name is one of `named_overlays`; `source` is what named it.
    """
    path = Path(name)
    if path.suffix in (".yaml", ".yml", ".json") or path.is_file():
        return path
    overlays = named_overlays(skill, folders)
    if name not in overlays:
        raise UsageError(
            f"{source}: {name!r} is not one of {', '.join(overlays) or 'none (there are none)'}"
            f"{nearest(name, overlays)}; or give a YAML file"
        )
    return overlays[name]


def _or(value: Any, missing: Any) -> Any:
    return missing if value is None else value


def _take(
    key: str, words: Any, may_override: bool, source: str, taken: dict[str, dict[str, Any]]
) -> None:
    """Sort one entry of a file into `taken`: entries, named or fixed."""
    words = words_of(key, words, source)
    if "fixed" in words:
        if len(words) > 1:
            raise UsageError(f"{source}: {key}: fixed excludes other keys")
        taken["fixed"][key] = words["fixed"]
    elif isinstance(words.get("choices"), Mapping):
        taken["named"][key] = named_choices(key, words, may_override=may_override, source=source)
    else:
        taken["entries"][key] = entry_from_words(
            key, words, may_override=may_override, source=source
        )


def _arguments(key: str, text: str) -> list[Any]:
    try:
        values = yaml.safe_load(f"[{text}]")
    except yaml.YAMLError as error:
        raise UsageError(f"--search: {key}: ({text}) is not a list of values") from error
    return [plain(value) for value in values]
