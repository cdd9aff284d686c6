"""The search space of a skill by its name or its folder, as the flags of the space change it."""

from automl.errors import UsageError
from automl.schema.schema import Schema
from automl.skill.check import check_folder
from automl.skill.info import SkillInfo
from automl.skill.installed import folder_of_skill
from automl.space.space import SearchSpace
from automl.space_flags import SpaceFlags
from automl.spec import with_values


def space_of_skill(name: str, flags: SpaceFlags) -> tuple[str, Schema, SearchSpace]:
    """Return the skill's name, its train schema and its space around the spec's defaults.

    Raises `UsageError` with everything that keeps the space from being built.
    """
    folder = folder_of_skill(name)
    checked = check_folder(folder)
    schema = checked.schema
    if schema is None:
        raise UsageError(*(f"{folder}: {problem}" for problem in checked.problems))
    shorthand = {}
    if (folder / "references" / "skill_info.yaml").is_file():
        shorthand = dict(SkillInfo.read(folder).shorthand)
    choice = flags.chosen({}, skill=checked.skill, folder=folder, shorthand=shorthand)
    schema.check_keys(choice.overrides)
    space = choice.space(schema, with_values(checked.spec, choice.overrides))
    return checked.skill, schema, space
