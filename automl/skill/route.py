"""Whether a run searches or trains directly, and why."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from automl.errors import UsageError
from automl.files import read_yaml
from automl.schema.schema import Schema
from automl.skill.base import Skill
from automl.skill.entry_points import installed_skills
from automl.skill.info import SkillInfo, schema_path, template_path
from automl.skill.installed import load_skill


@dataclass(frozen=True)
class Route:
    """The way that an action takes: ``search`` or ``direct``, and why."""

    way: str
    reason: str
    is_fallback: bool = False
    """Whether a search was due and could not be made."""

    @property
    def is_search(self) -> bool:
        """Whether the action goes to AutoML."""
        return self.way == "search"

    def to_dict(self) -> dict[str, Any]:
        """Return the plain form that settings and JSON output hold."""
        return asdict(self)


def route(action: str, skill: Skill, info: SkillInfo, policy: str) -> Route:
    """Return the way that an action takes under a policy; only train may go to AutoML."""
    if action != "train":
        return _not_a_training(action)
    if policy == "off":
        return Route("direct", "plain training: automl_policy is off")
    if not info.automl_enabled:
        return Route("direct", f"plain training: {info.name} has automl_enabled off")
    missing = _not_runnable(skill.folder)
    if missing:
        return Route(
            "direct",
            f"AutoML is enabled for {info.name} but not runnable until its schemas are generated "
            f"({missing}; automl skill generate {info.name}); plain training instead",
            is_fallback=True,
        )
    return Route("search", f"AutoML is enabled for {info.name} and automl_policy is auto")


def route_of_job(action: str) -> Route:
    """Return the way of a single job: never the search, whatever the policy says."""
    if action == "train":
        return Route("direct", "a job is one training; use automl run to search")
    return _not_a_training(action)


def listed_skills() -> list[dict[str, Any]]:
    """Return name, description, actions, folder and route of training of each installed skill.

    One that cannot be loaded is listed with its problem.
    """
    return [_listed(name) for name in sorted(installed_skills())]


def _listed(name: str) -> dict[str, Any]:
    about: dict[str, Any] = {"skill": name, "problem": "", "description": "", "actions": []}
    try:
        skill = load_skill(name)
        info = skill.info
    except Exception as error:  # A plug-in may raise anything when it is imported.
        problem = f"cannot be loaded ({type(error).__name__}: {error})"
        direct = Route("direct", problem).to_dict()
        return {**about, "problem": problem, "folder": None, "route": direct}
    return {
        **about,
        "description": info.description,
        "actions": list(info.actions) or sorted(info.spec_params),
        "automl_enabled": info.automl_enabled,
        "metrics": {name: dict(facts) for name, facts in info.metrics.items()},
        "folder": str(skill.folder),
        "route": route("train", skill, info, "auto").to_dict(),
    }


def _not_a_training(action: str) -> Route:
    return Route("direct", f"{action} is not a training, so it never goes to AutoML")


def _not_runnable(folder: Path) -> str:
    """Return the fault of the first file that AutoML lacks, an empty text if it lacks none."""
    schema, template = schema_path(folder, "train"), template_path(folder, "train")
    try:
        Schema.read(schema)
        content = read_yaml(template)
    except UsageError as error:
        return str(error)
    if not isinstance(content, dict):
        return f"{template}: is not a spec but something else"
    return ""
