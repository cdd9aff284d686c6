"""What wins: what is said for this run over its experiment file, under whatever name it is said.

A thing may have several names. Epochs are `epochs`, the skill's own key of them, a short name of
that key, and TAO's automl_max_epochs: any of them, said for this run, wins over any in the file.
"""

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from automl.request.options import BY_NAME, Options
from automl.request.policy import choose_policy
from automl.search.options import canonical_name
from automl.skill.info import SkillInfo


class _Word(NamedTuple):
    """One thing said: under a name, and in a mapping under a key of it."""

    name: str
    key: str | None
    value: Any


def merged(file: Options, nearer: Options, info: SkillInfo) -> Options:
    """Return what holds of both.

    Lists are replaced, mappings are merged key by key. A parameter that is set nearer is no longer
    searched, and one that is searched nearer is no longer fixed. Where the nearer turns the search
    off, what the file says of the search is left aside.
    """
    above, below = list(_words(nearer, info)), list(_words(file, info))
    if _turns_off(nearer):
        below = [word for word in below if not BY_NAME[word.name].is_of_search]
    settled = {_thing(word, info) for word in above}
    settled |= {f"search {word.key}" for word in above if word.name in ("spec", "fix")}
    searched = {word.key for word in above if word.name == "search"}
    kept = [
        word
        for word in below
        if _thing(word, info) not in settled and not (word.name == "fix" and word.key in searched)
    ]
    return _said([*kept, *above])


def _thing(word: _Word, info: SkillInfo) -> str:
    """Return what a word is about, the same for all its names."""
    name, key = word.name, word.key
    if name == "set" or (name == "spec" and key is not None and key.startswith("automl_")):
        canonical = canonical_name(str(key))
        name, key = (canonical, None) if canonical in BY_NAME else ("set", canonical)
    if name in ("data", "epochs"):
        own = info.data_key if name == "data" else info.stated_epochs_key
        name, key = ("spec", own) if own else (name, None)
    return f"{'spec' if name == 'fix' else name} {key}"


def _words(said: Options, info: SkillInfo) -> Iterator[_Word]:
    """Yield what was said, with the skill's short names of keys written out."""
    for name, value in said.items():
        if BY_NAME[name].kind != "mapping":
            yield _Word(name, None, value)
            continue
        for key, inner in value.items():
            yield _Word(name, key if name == "set" else info.shorthand.get(key, key), inner)


def _said(words: Iterable[_Word]) -> Options:
    said: dict[str, Any] = {}
    for name, key, value in words:
        if key is None:
            said[name] = value
        else:
            said.setdefault(name, {})[key] = value
    return said


def _turns_off(nearer: Options) -> bool:
    setting = nearer.get("spec", {}).get("automl_policy")
    policy = nearer.get("policy")
    return choose_policy(flag=policy, setting=setting, text=nearer.get("request")) == "off"
