"""Decides whether a train request goes to the search or straight to a plain training."""

import json
from dataclasses import dataclass

import yaml

from automl.errors import UsageError, nearest
from automl.skill import Skill, SkillInfo, schema_path, template_path

POLICIES = ("auto", "off")
ALIASES = {"on": "auto", "true": "auto", "false": "off"}


@dataclass(frozen=True)
class Route:
    """Whether to search, and the reason in one line where the answer is no."""

    is_search: bool
    reason: str = ""


def parse_policy(text: str) -> str:
    """Return ``auto`` or ``off``; raises `UsageError` with the nearest name."""
    policy = ALIASES.get(text.lower(), text.lower())
    if policy not in POLICIES:
        raise UsageError(
            f"--policy: {text!r} is not one of {', '.join(POLICIES)}{nearest(policy, POLICIES)}"
        )
    return policy


def route(skill: Skill, info: SkillInfo, policy: str) -> Route:
    """Return the way that a train request takes under a policy."""
    if policy == "off":
        return Route(is_search=False, reason="plain training: automl_policy is off")
    if not info.automl_enabled:
        return Route(is_search=False, reason=f"plain training: {info.name} has automl_enabled off")
    missing = _not_runnable(skill)
    if missing:
        return Route(
            is_search=False,
            reason=f"AutoML is enabled for {info.name} but not runnable until its schemas are "
            f"generated ({missing}; automl skill generate {info.name}); plain training instead",
        )
    return Route(is_search=True)


def _not_runnable(skill: Skill) -> str:
    schema, template = schema_path(skill.folder, "train"), template_path(skill.folder, "train")
    try:
        json.loads(schema.read_text())
    except (OSError, json.JSONDecodeError):
        return f"{schema} is missing or broken"
    try:
        yaml.safe_load(template.read_text())
    except (OSError, yaml.YAMLError):
        return f"{template} is missing or broken"
    return ""
