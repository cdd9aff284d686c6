"""The space part of a request: --space, --search and --fix."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from automl.errors import UsageError, disagreement, faults_named
from automl.request.space_choice import SpaceChoice, has_name, with_named
from automl.schema.schema import Schema
from automl.schema.spec import flatten, with_values
from automl.skill.check import check_folder
from automl.skill.info import SkillInfo
from automl.skill.installed import folder_of_skill, load_skill
from automl.space.named import Named
from automl.space.overlay.entry import Entry
from automl.space.overlay.overlay import (
    Overlay,
    entry_from_expression,
    overlay_from_file,
    overlay_path,
)
from automl.space.space import SearchSpace

_NONE: Named = {}


@dataclass(frozen=True)
class SpaceRequest:
    """The space as it was asked for."""

    overlay: str | None = None
    """Name or file of --space."""
    searched: Mapping[str, str] = field(default_factory=dict)
    """Expression by key, of --search."""
    fixed: Mapping[str, Any] = field(default_factory=dict)
    """Value by key, of --fix."""
    kept: tuple[str, ...] = ()
    """Keys, or names within keys, of --keep."""

    def chosen(
        self,
        overrides: Mapping[str, Any],
        *,
        skill: str,
        folder: Path,
        shorthand: Mapping[str, str],
        offered: Named = _NONE,
        default: str | None = None,
        is_search: bool = True,
    ) -> SpaceChoice:
        """Return the choice that flags, overlay and `key=value` settings make.

        Flags and settings override the overlay; a search without one takes the overlay `default`.
        `offered` are the named choices of the skill, which overlay, flags and settings may name.
        Raises `UsageError` for an overlay that cannot be read and for flags that disagree.
        """
        overlay, name = Overlay(), self.overlay or (default if is_search else None)
        if name is not None:
            source = "--space" if self.overlay else "default_space of skill_info.yaml"
            path = overlay_path(name, skill, [folder / "search_spaces"], source=source)
            with faults_named(source, name):
                overlay = overlay_from_file(path)
        fixed = {shorthand.get(key, key): value for key, value in self.fixed.items()}
        searched = {
            shorthand.get(key, key): entry_from_expression(shorthand.get(key, key), text)
            for key, text in self.searched.items()
        }
        _check_agreement(fixed, searched, overrides)
        own = {**overrides, **fixed}
        entries = {k: entry for k, entry in overlay.entries.items() if k not in own}
        kept = tuple(shorthand.get(name, name) for name in self.kept)
        # What is kept stays as the spec has it, whatever the overlay fixes.
        from_overlay = {
            k: v
            for k, v in overlay.fixed.items()
            if k not in searched and not any(has_name(k, name) for name in kept)
        }
        values = {**from_overlay, **own}
        choice = SpaceChoice(
            entries={**entries, **searched},
            dropped=overlay.dropped - searched.keys(),
            overrides=values,
            fixed=frozenset(values) - searched.keys(),
            searched=frozenset(searched),
            kept=kept,
        )
        known = {**offered, **overlay.named}
        return with_named(choice, known, asked=overlay.named, is_search=is_search)


def parse_searched(words: Iterable[str]) -> dict[str, str]:
    """Return the expressions of ``key=EXPR`` words; raises `UsageError` for another word."""
    expressions: dict[str, str] = {}
    faults = []
    for word in words:
        key, equals, text = word.partition("=")
        if not equals or not key or not text:
            faults.append(f"--search: {word!r} is not understood: give key=EXPR, such as "
                          "train.optim.lr='log(1e-5,1e-3)'")  # fmt: skip
        elif key in expressions:
            faults.append(f"--search: {key} is given twice")
        else:
            expressions[key] = text
    if faults:
        raise UsageError(*faults)
    return expressions


def _check_agreement(
    fixed: Mapping[str, Any], searched: Mapping[str, Entry], overrides: Mapping[str, Any]
) -> None:
    faults = [f"--fix {key} and --search {key} exclude each other" for key in fixed
              if key in searched]  # fmt: skip
    faults += [
        disagreement(f"--fix {key}={value}", f"{key}={overrides[key]}")
        for key, value in fixed.items()
        if overrides.get(key, value) != value
    ]
    if faults:
        raise UsageError(*faults)


class DescribedSpace(NamedTuple):
    """The space of a skill, and what is needed to describe it."""

    skill: str
    schema: Schema
    space: SearchSpace
    choice: SpaceChoice


def space_of_skill(name: str, request: SpaceRequest) -> DescribedSpace:
    """Return the skill's name, its train schema and its space around the spec's defaults.

    Raises `UsageError` naming every fault that keeps the space from being built.
    """
    folder = folder_of_skill(name)
    checked = check_folder(folder)
    schema = checked.schema
    if schema is None:
        raise UsageError(*(f"{folder}: {problem}" for problem in checked.problems))
    shorthand, default = {}, None
    if (folder / "references" / "skill_info.yaml").is_file():
        info = SkillInfo.read(folder)
        shorthand, default = dict(info.shorthand), info.default_space
    choice = request.chosen(
        {}, skill=checked.skill, folder=folder, shorthand=shorthand, offered=_offered(name),
        default=default,
    )  # fmt: skip
    schema.check_keys(choice.overrides)
    spec = with_values(checked.spec, choice.overrides)
    choice = choice.filled(flatten(spec))
    space = choice.space(schema, with_values(spec, choice.default_settings))
    return DescribedSpace(checked.skill, schema, space, choice)


def _offered(name: str) -> Named:
    """Return the named choices of an installed skill; a folder by itself offers none."""
    try:
        return load_skill(name).named_choices()
    except UsageError:
        return {}
