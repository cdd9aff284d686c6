"""Finds skills: installed ones by name, others by their folder."""

import os
from collections.abc import Iterable, Mapping, Sequence
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import cast

from automl.errors import Fault, UsageError, closest, nearest
from automl.skill.base import RecognisingSkill, Skill
from automl.skill.command.command import CommandSkill
from automl.skill.entry_points import installed_skills
from automl.skill.loaded import LoadedSkill


def load_skill(name: str, *, metrics: Sequence[str] = ()) -> LoadedSkill:
    """Import an installed skill, or read the one in a folder; raises `UsageError`.

    `metrics` are what an experiment optimises and limits: a skill in a folder, whose program may
    report them one by one, waits for all of them each epoch.
    """
    skills = installed_skills()
    if (own := _own_name(name, skills)) is not None:
        return LoadedSkill(cast(Skill, skills[own].load()))
    folder = Path(name).expanduser()
    if os.sep in name or folder.is_dir():
        return LoadedSkill(_skill_in(folder.resolve(), skills, metrics))
    raise UsageError(_not_installed(f"--skill: {name!r} is not installed", name, skills))


def lasting_name(name: str) -> str:
    """Return a skill's name that holds in any working folder: a path becomes absolute."""
    own = _own_name(name, installed_skills())
    return str(Path(name).expanduser().resolve()) if own is None else own


def _own_name(name: str, skills: Iterable[str]) -> str | None:
    """Return the installed skill that a name means, also in other case or as TAO's skill names it.

    TAO's folders are named `tao-train-NAME`; if one lies in the working folder, it is meant itself.
    """
    names = {skill.casefold(): skill for skill in skills}
    plain = name.casefold()
    if name in names.values() or not Path(name).is_dir():
        return names.get(plain) or names.get(plain.removeprefix("tao-train-"))
    return None


def _not_installed(text: str, name: str, skills: Iterable[str]) -> Fault:
    names = sorted(skills)
    hint = f"{nearest(name, names)}; installed: {', '.join(names) or 'none'}"
    return Fault(
        f"{text}{hint}; or give the path of a skill's folder", key="--skill", value=name,
        allowed=names, nearest=closest(name, names), next="automl skill list",
    )  # fmt: skip


def _skill_in(folder: Path, skills: Mapping[str, EntryPoint], metrics: Sequence[str]) -> Skill:
    """Return the skill of a folder: an installed one whose folder it is, else its commands."""
    for point in skills.values():
        skill = cast(Skill, point.load())
        if skill.folder.resolve() == folder:
            return skill
    return CommandSkill(folder, metrics)


def only_skill() -> str:
    """Return the name of the one installed skill; raises `UsageError` if there are more or none."""
    names = sorted(installed_skills())
    if len(names) != 1:
        text = f"--skill: give one of {', '.join(names) or 'none (none is installed)'}"
        raise UsageError(Fault(text, key="--skill", allowed=names, next="automl skill list"))
    return names[0]


def skill_of_model(model: Path) -> str:
    """Return the name of the installed skill that wrote a model; raises `UsageError`.

    With several skills each is asked that can tell its models.
    """
    points = installed_skills()
    if len(points) > 1 and model.is_file():
        skills = {name: cast(Skill, point.load()) for name, point in points.items()}
        owners = [name for name, skill in skills.items() if _wrote(skill, model)]
        if len(owners) == 1:
            return owners[0]
    return only_skill()


def _wrote(skill: Skill, model: Path) -> bool:
    return hasattr(skill, "wrote") and cast(RecognisingSkill, skill).wrote(model)


def folder_of_skill(name: str) -> Path:
    """Return the folder of an installed skill, or the path itself; raises `UsageError`."""
    skills = installed_skills()
    if _own_name(name, skills) is not None:
        return load_skill(name).folder
    if os.sep in name or Path(name).is_dir():
        return Path(name)
    raise UsageError(
        _not_installed(f"{name!r} is neither an installed skill nor a folder", name, skills)
    )
