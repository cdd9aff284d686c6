"""Precedence: options given for this run override the experiment file, whichever alias is used.

An option may have several names. Epochs are `epochs`, the skill's own key of them, a short name of
that key, and TAO's automl_max_epochs: any of them, given for this run, overrides any in the file.
"""

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from automl.request.options import RUN_OPTIONS, Options
from automl.request.policy import stated_policy
from automl.search.options import canonical_name
from automl.skill.info import SkillInfo


class _Entry(NamedTuple):
    """One value: of an option, or of one key of an option that is a mapping."""

    name: str
    key: str | None
    value: Any


def merged(file: Options, run: Options, info: SkillInfo) -> Options:
    """Return the options of both; those of the run override those of the file.

    Lists are replaced, mappings are merged key by key. A parameter that the run sets is no longer
    searched, and one that the run searches is no longer fixed. If the run turns the search off, the
    file's options of the search are dropped.
    """
    overriding, overridden = list(_entries(run, info)), list(_entries(file, info))
    if stated_policy(run) == "off":
        overridden = [entry for entry in overridden if not RUN_OPTIONS[entry.name].is_of_search]
    subjects = {_subject(entry, info) for entry in overriding}
    subjects |= {f"search {entry.key}" for entry in overriding if entry.name in ("spec", "fix")}
    searched = {entry.key for entry in overriding if entry.name == "search"}
    kept = [
        entry
        for entry in overridden
        if _subject(entry, info) not in subjects
        and not (entry.name == "fix" and entry.key in searched)
    ]
    return _options([*kept, *overriding])


def _subject(entry: _Entry, info: SkillInfo) -> str:
    """Return what an entry sets: the same text for all aliases."""
    name, key = entry.name, entry.key
    if name == "set" or (name == "spec" and key is not None and key.startswith("automl_")):
        canonical = canonical_name(str(key))
        name, key = (canonical, None) if canonical in RUN_OPTIONS else ("set", canonical)
    if name in ("data", "epochs"):
        own = info.data_key if name == "data" else info.stated_epochs_key
        name, key = ("spec", own) if own else (name, None)
    return f"{'spec' if name == 'fix' else name} {key}"


def _entries(options: Options, info: SkillInfo) -> Iterator[_Entry]:
    """Yield the entries of options; the skill's short names of keys are written out."""
    for name, value in options.items():
        if RUN_OPTIONS[name].kind != "mapping":
            yield _Entry(name, None, value)
            continue
        for key, inner in value.items():
            yield _Entry(name, key if name == "set" else info.shorthand.get(key, key), inner)


def _options(entries: Iterable[_Entry]) -> Options:
    options: dict[str, Any] = {}
    for name, key, value in entries:
        if key is None:
            options[name] = value
        else:
            options.setdefault(name, {})[key] = value
    return options
