"""Finds skills: installed ones by name, others by their folder."""

import os
from collections.abc import Mapping
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import cast

from automl.errors import UsageError, nearest
from automl.skill.base import Skill
from automl.skill.loaded import LoadedSkill

GROUP = "automl.skills"


def installed_skills() -> dict[str, EntryPoint]:
    """Return the entry points of the skills that are installed, by name."""
    return {point.name: point for point in entry_points(group=GROUP)}


def load_skill(name: str) -> LoadedSkill:
    """Import an installed skill, or read the one in a folder; raises `UsageError`."""
    known = installed_skills()
    if name in known:
        return LoadedSkill(cast(Skill, known[name].load()))
    folder = Path(name).expanduser()
    if os.sep in name or folder.is_dir():
        return LoadedSkill(_skill_in(folder.resolve(), known))
    raise UsageError(
        f"--skill: {name!r} is not installed{nearest(name, known)}; "
        f"installed: {', '.join(sorted(known)) or 'none'}; or give the path of a skill's folder"
    )


def lasting_name(name: str) -> str:
    """Return a skill's name that holds in any working folder: a path becomes absolute."""
    return name if name in installed_skills() else str(Path(name).expanduser().resolve())


def _skill_in(folder: Path, known: Mapping[str, EntryPoint]) -> Skill:
    """Return the skill of a folder: an installed one whose folder it is, else its commands."""
    from automl.skill.command.command import CommandSkill

    for point in known.values():
        skill = cast(Skill, point.load())
        if skill.folder.resolve() == folder:
            return skill
    return CommandSkill(folder)


def only_skill() -> str:
    """Return the name of the installed skill where there is just one; else raise `UsageError`."""
    known = sorted(installed_skills())
    if len(known) != 1:
        raise UsageError(f"--skill: give one of {', '.join(known) or 'none (none is installed)'}")
    return known[0]


def folder_of_skill(name: str) -> Path:
    """Return the folder of an installed skill, or the path itself; raises `UsageError`."""
    known = installed_skills()
    if name in known:
        return load_skill(name).folder
    if os.sep in name or Path(name).is_dir():
        return Path(name)
    raise UsageError(
        f"{name!r} is neither an installed skill nor a folder{nearest(name, known)}; installed: "
        f"{', '.join(sorted(known)) or 'none'}"
    )
