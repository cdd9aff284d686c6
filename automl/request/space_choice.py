"""The parameters that a request searches and the values that it sets, names in place of keys."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from automl.errors import Fault, UsageError, closest
from automl.schema.schema import Schema
from automl.space.build import space_from_schema
from automl.space.facts import Facts, ruled_out
from automl.space.named import Named
from automl.space.overlay.entry import Entry
from automl.space.overlay.named import NamedChoice, NamedChoices
from automl.space.space import SearchSpace

_KEPT = "was asked to stay as it is"


@dataclass(frozen=True)
class SpaceChoice:
    """The parameters that are searched and the values that are set."""

    entries: Mapping[str, Entry] = field(default_factory=dict)
    dropped: frozenset[str] = frozenset()
    overrides: Mapping[str, Any] = field(default_factory=dict)
    """Values of the base spec, searched or not."""
    fixed: frozenset[str] = frozenset()
    """Keys of `overrides` that are not searched."""
    searched: frozenset[str] = frozenset()
    """Keys of --search, which are searched around the value in `overrides`."""
    kept: tuple[str, ...] = ()
    """Keys, or names within keys, of parameters that are not searched."""
    named: Named = field(default_factory=dict)
    """Parameters whose values are names that set several keys."""
    left_out: Mapping[str, str] = field(default_factory=dict)
    """Keys that the data rules out, each with the reason."""
    notes: tuple[str, ...] = ()
    """Choices that were left out, and why."""

    def beside(self, facts: Facts) -> "SpaceChoice":
        """Return the choice for data with these facts, which rule out some of its entries."""
        left_out = ruled_out(self.entries, facts)
        otherwise = {key: self.entries[key].otherwise for key in left_out}
        settings = {key: value for key, value in otherwise.items() if value is not None}
        return replace(
            self,
            entries={key: entry for key, entry in self.entries.items() if key not in left_out},
            dropped=self.dropped | left_out.keys(),
            overrides={**self.overrides, **settings},
            left_out=left_out,
        )

    def space(self, schema: Schema, spec: Mapping[str, Any]) -> SearchSpace:
        """Build the space around a resolved spec."""
        kept = keys_kept(self.kept, {*schema.fields, *schema.automl_defaults, *self.entries})
        asked = {key for key in kept & self.searched if self.entries[key].source == "--search"}
        if both := sorted(asked):
            raise UsageError(*(f"--keep and --search {key} exclude each other" for key in both))
        named_keys = sorted(kept & {*self.entries, *schema.automl_defaults})
        return space_from_schema(
            schema, spec, fixed=self.fixed,
            entries={key: entry for key, entry in self.entries.items() if key not in kept},
            dropped=self.dropped | (kept & {*schema.fields, *schema.automl_defaults}),
            named={k: named for k, named in self.named.items() if not {k, *named.keys} & kept},
            left_out={**self.left_out, **dict.fromkeys(named_keys, _KEPT)},
        )  # fmt: skip

    @property
    def default_settings(self) -> dict[str, Any]:
        """The keys and values that the named choices of trial 0 set."""
        return {
            key: value
            for choices in self.named.values()
            for key, value in choices.settings[choices.default].items()
        }

    def filled(self, base: Mapping[str, Any]) -> "SpaceChoice":
        """Return the choice after each name sets all the keys that any sets, as `base` does."""
        return replace(self, named={key: n.filled(base) for key, n in self.named.items()})


def has_name(key: str, name: str) -> bool:
    """Whether a key has a name in it: it is the key, or one of its sections."""
    return f".{name}." in f".{key}."


def keys_kept(names: Collection[str], keys: Collection[str]) -> frozenset[str]:
    """Return the keys that have any of the names in them: `augmentation` means all of a section.

    Raises `UsageError` for a name that no key has.
    """
    kept: set[str] = set()
    faults = []
    parts = {part for key in keys for part in (key, *key.split("."))}
    for name in names:
        having = {key for key in keys if has_name(key, name)}
        kept |= having
        if not having:
            close = closest(name, parts)
            hint = f"; did you mean {close}?" if close else ""
            text = f"--keep: {name!r} is no parameter and no section of one{hint}"
            faults.append(Fault(text, key="--keep", value=name, nearest=close))
    if faults:
        raise UsageError(*faults)
    return frozenset(kept)


def with_named(
    choice: SpaceChoice, known: Named, *, asked: Collection[str], is_search: bool
) -> SpaceChoice:
    """Return a choice with those of the known named choices that it names or that are `asked` for.

    A name that was set, and the only name that agrees with the user's settings, sets its keys for
    all trials. Raises `UsageError` for names that are unknown or that nothing agrees with.
    """
    faults: list[str] = []
    for key, choices in known.items():
        is_set = key in choice.fixed
        try:
            picked = _picked(choices, choice, is_asked=key in asked)
            is_unready = not choices.ready and picked is None and key in {*choice.entries, *asked}
            choice = _without_key(choice, key)
            if is_unready:
                note = f"{key} is not searched: none of its choices is ready on this machine"
                choice = replace(choice, notes=(*choice.notes, note))
            if picked is not None:
                choice = _applied(choice, picked, is_set=is_set, is_search=is_search)
        except UsageError as error:
            faults.extend(error.faults)
    if faults:
        raise UsageError(*faults)
    return choice


def _picked(choices: NamedChoices, choice: SpaceChoice, *, is_asked: bool) -> NamedChoices | None:
    key = choices.key
    if key in choice.fixed:
        name = choice.overrides[key]
        if name not in choices.choices:
            text = f"{key}: {name!r} is not one of {', '.join(choices.choices)}"
            raise UsageError(Fault(text, key=key, value=name, allowed=list(choices.choices)))
        return choices.picked(Entry(key, choices=(name,), source=key))
    entry = choice.entries.get(key, Entry(key, source=choices.source) if is_asked else None)
    # A key that the user searches by itself is not the names' to set.
    if entry is None or (key not in choice.searched and choices.keys & choice.searched):
        return None
    if entry.choices is None and not choices.ready and key not in choice.searched:
        return None
    return choices.picked(entry)


def _without_key(choice: SpaceChoice, key: str) -> SpaceChoice:
    return replace(
        choice,
        entries={k: entry for k, entry in choice.entries.items() if k != key},
        overrides={k: value for k, value in choice.overrides.items() if k != key},
        fixed=choice.fixed - {key},
        dropped=choice.dropped - {key},
    )


def _applied(
    choice: SpaceChoice, picked: NamedChoices, *, is_set: bool, is_search: bool
) -> SpaceChoice:
    """Return a choice in which names are searched, or set their keys if only one is left."""
    key, user = picked.key, choice.overrides
    left, others = picked.beside(user, dropped=choice.dropped, searched=choice.searched)
    ruled = ", ".join(f"{k}={user[k]}" for k in sorted(picked.keys & user.keys()))
    if left is None:
        text = f"{key}: none of {', '.join(picked.choices)} agrees with {ruled}"
        if is_set or key in choice.searched:
            raise UsageError(Fault(text, key=key))
        return replace(choice, notes=(*choice.notes, f"{text}, so {key} is not searched"))
    if others:
        note = f"{key}: {', '.join(others)} left out, as they do not agree with {ruled}"
        choice = replace(choice, notes=(*choice.notes, note))
    if is_search and len(left.choices) > 1:
        return replace(choice, named={**choice.named, key: left})
    if is_search and not is_set and key in choice.searched:
        note = f"{key}: all trials have {left.default}, the only choice"
        choice = replace(choice, notes=(*choice.notes, note))
    return _with_only(choice, left.choices[left.default], is_search=is_search)


def _with_only(choice: SpaceChoice, only: NamedChoice, *, is_search: bool) -> SpaceChoice:
    """Return a choice with the settings of one name, and with its ranges if there is a search.

    Their priors are the values of trial 0, or of the plain training.
    """
    centres = {k: entry.prior for k, entry in only.searched.items() if entry.prior is not None}
    constant = {k for k, entry in only.searched.items() if len(entry.choices or ()) == 1}
    searched = frozenset(centres) - constant if is_search else frozenset[str]()
    ranges = [key for key in only.searched if key not in constant] if is_search else []
    return replace(
        choice,
        entries={**choice.entries, **{k: only.searched[k] for k in ranges}},
        overrides={**only.settings, **centres, **choice.overrides},
        fixed=(choice.fixed | only.settings.keys() | centres.keys()) - searched,
        searched=choice.searched | searched,
    )
