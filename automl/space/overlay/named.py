"""Named choices: a parameter whose values are names, each of which sets several keys.

key:
  choices:
    name: {set: {key: value}, search: {key: {low, high, log, choices, prior}}, weight: 1}
  prior: name                # the first, unless it is given

`search` gives other keys their range while the name is chosen.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from automl.errors import UsageError, nearest
from automl.schema.values import identity, number_of
from automl.space.overlay.entry import Entry
from automl.space.overlay.words import entry_from_words, plain, words_of

_WORDS = ("set", "search", "weight")


@dataclass(frozen=True)
class NamedChoice:
    """One name: the keys that it sets, and the ranges that it gives to others."""

    settings: Mapping[str, Any]
    searched: Mapping[str, Entry] = field(default_factory=dict)
    weight: float = 1.0


@dataclass(frozen=True)
class NamedChoices:
    """A parameter whose values are names."""

    key: str
    choices: Mapping[str, NamedChoice]
    prior: str | None = None
    source: str = ""

    @property
    def default(self) -> str:
        """The choice of trial 0: the prior, or the first."""
        return next(iter(self.choices)) if self.prior is None else self.prior

    @property
    def keys(self) -> frozenset[str]:
        """The keys that some choice sets."""
        return frozenset(key for choice in self.choices.values() for key in choice.settings)

    @property
    def searched(self) -> frozenset[str]:
        """The keys to which some choice gives a range."""
        return frozenset(key for choice in self.choices.values() for key in choice.searched)

    @property
    def settings(self) -> dict[str, dict[str, Any]]:
        """The keys and values that each choice sets."""
        return {name: dict(choice.settings) for name, choice in self.choices.items()}

    @property
    def ready(self) -> tuple[str, ...]:
        """The choices that have a weight: the others have to be named."""
        return tuple(name for name, choice in self.choices.items() if choice.weight)

    def picked(self, entry: Entry) -> "NamedChoices":
        """Return the choices that an entry lists, with its weights and prior.

        If it lists none, these are all that have a weight; one that is listed without gets 1.
        Raises `UsageError` for unknown names and for words that names cannot have.
        """
        where = f"{entry.source}: {self.key}"
        names = self.ready if entry.choices is None else entry.choices
        faults = [f"{where}: {name!r} is not one of {', '.join(self.choices)}"
                  f"{nearest(str(name), self.choices)}"
                  for name in names if name not in self.choices]  # fmt: skip
        if entry.given or entry.log or entry.step or entry.depends_on or entry.active_when:
            faults.append(f"{where}: names have choices, weights and a prior only")
        weights = entry.weights or tuple(self.choices[n].weight or 1 for n in names if not faults)
        if not faults and len(weights) != len(names):
            faults.append(f"{where}: {len(weights)} weights for {len(names)} choices")
        if not names:
            faults.append(f"{where}: none of its choices is ready; name some of "
                          f"{', '.join(self.choices)}")  # fmt: skip
        if faults:
            raise UsageError(*faults)
        chosen = {
            name: replace(self.choices[name], weight=float(weight))
            for name, weight in zip(names, weights, strict=True)
        }
        prior = self.prior if entry.prior is None else entry.prior
        if entry.prior is not None and prior not in chosen:
            raise UsageError(f"{where}: prior {prior!r} is not one of {', '.join(chosen)}")
        return replace(
            self, choices=chosen, prior=prior if prior in chosen else None, source=entry.source
        )

    def beside(
        self,
        settings: Mapping[str, Any],
        *,
        dropped: Collection[str] = (),
        searched: Collection[str] = (),
    ) -> tuple["NamedChoices | None", list[str]]:
        """Return the choices that agree with the user's settings, and those that do not.

        Keys that the user set leave the choices, as do the ranges of those that the user searches.
        A dropped key is set to its prior instead. None if no choice is left.
        """
        fitting = {
            name: choice
            for name, choice in self.choices.items()
            if all(
                identity(settings[key]) == identity(value)
                for key, value in choice.settings.items()
                if key in settings
            )
        }
        left_out = [name for name in self.choices if name not in fitting]
        if not fitting:
            return None, left_out
        own = {*settings, *searched}
        reduced = {n: _without(choice, own, dropped) for n, choice in fitting.items()}
        prior = self.prior if self.prior in reduced else None
        return replace(self, choices=reduced, prior=prior), left_out

    def filled(self, base: Mapping[str, Any]) -> "NamedChoices":
        """Return the choices after each sets all the keys that any of them sets, as `base` does."""
        every = {key: base.get(key) for key in sorted(self.keys)}
        choices = {
            name: replace(choice, settings={**every, **choice.settings})
            for name, choice in self.choices.items()
        }
        return replace(self, choices=choices)


def named_choices(
    key: str, words: Mapping[str, Any], *, may_override: bool, source: str
) -> NamedChoices:
    """Return the named choices of an overlay's words, or of a skill's plain form.

    Raises `UsageError` naming all faults.
    """
    where, faults = f"{source}: {key}", []
    if unknown := [word for word in words if word not in ("choices", "prior")]:
        faults.append(f"{where}: {', '.join(unknown)}: names have choices and a prior only")
    choices: dict[str, NamedChoice] = {}
    for name, content in words["choices"].items():
        try:
            choices[str(name)] = _choice(content, may_override, f"{where}: {name}")
        except UsageError as error:
            faults.extend(error.faults)
    prior = words.get("prior")
    if prior is not None and prior not in words["choices"]:
        faults.append(f"{where}: prior {prior!r} is not one of {', '.join(choices)}")
    if not words["choices"]:
        faults.append(f"{where}: there are no choices")
    if faults:
        raise UsageError(*faults)
    return NamedChoices(key, choices, prior, source)


def _choice(content: Any, may_override: bool, where: str) -> NamedChoice:
    if not isinstance(content, Mapping):
        raise UsageError(f"{where}: {content!r} is not a mapping of {', '.join(_WORDS)}")
    faults = [*_faults(content, where)]
    if faults:
        raise UsageError(*faults)
    searched = {
        str(key): entry_from_words(
            str(key), words_of(str(key), words, where), may_override=may_override, source=where
        )
        for key, words in (content.get("search") or {}).items()
    }
    settings = {str(key): plain(value) for key, value in (content.get("set") or {}).items()}
    return NamedChoice(settings, searched, float(content.get("weight", 1)))


def _faults(content: Mapping[str, Any], where: str) -> Iterator[str]:
    for word, value in content.items():
        if word not in _WORDS:
            yield f"{where}: unknown key {word!r}{nearest(str(word), _WORDS)}"
        elif word == "weight":
            number = number_of(value)
            if number is None or not 0 <= number < float("inf"):
                yield f"{where}: weight {value!r} is not a number of 0 or more"
        elif value is not None and not isinstance(value, Mapping):
            yield f"{where}: {word} must be a mapping"
    searched = content.get("search")
    for key, words in searched.items() if isinstance(searched, Mapping) else ():
        if isinstance(words, Mapping) and "fixed" in words:
            yield f"{where}: {key}: fixed belongs under set"
        elif isinstance(words, Mapping) and "only_if" in words:
            yield f"{where}: {key}: only_if has no effect beside a name"


def _without(choice: NamedChoice, own: Collection[str], dropped: Collection[str]) -> NamedChoice:
    settings = {key: value for key, value in choice.settings.items() if key not in own}
    searched = {key: entry for key, entry in choice.searched.items() if key not in own}
    centres = {k: e.prior for k, e in searched.items() if k in dropped and e.prior is not None}
    kept = {key: entry for key, entry in searched.items() if key not in dropped}
    return replace(choice, settings={**settings, **centres}, searched=kept)
