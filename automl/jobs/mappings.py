"""The inference functions, which fill keys of a job's spec before the job is created.

skill_info.yaml's ``spec_params`` says which function fills which key of which action.
"""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from automl.errors import UsageError, nearest
from automl.jobs.models import Choice, ModelSource, last_checkpoint, select_model
from automl.skill.info import SkillInfo
from automl.skill.inputs import ActionKeys

KEY_VARIABLE = "AUTOML_ENCRYPTION_KEY"
"""The environment variable of the encryption key, used if neither user nor parent gives one."""


@dataclass(frozen=True)
class Context:
    """What the functions may use, all of it known before the job exists."""

    folder: Path
    """The job's own."""
    own: ModelSource
    """The job itself; a resumed one has checkpoints."""
    parent: ModelSource | None = None
    choice: Choice = field(default_factory=Choice)
    values: Mapping[str, Any] = field(default_factory=dict)
    """Values of the user and of the parent's spec, by dotted key."""


def mapped(info: SkillInfo, action: str, context: Context) -> dict[str, Any]:
    """Return the values, by dotted key, that an action's inference functions give.

    They win over the values of the context; a function leaves alone what it must not replace.
    Raises `UsageError` for an unknown function, and for a parent's model that is missing or of a
    kind that the action does not take.
    """
    params = info.spec_params.get(action, {})
    unknown = [
        f"{info.path}: spec_params.{action}.{key}: unknown function {name!r}"
        f"{nearest(name, FUNCTIONS)}"
        for key, name in params.items()
        if name not in FUNCTIONS
    ]
    if unknown:
        raise UsageError(*unknown)
    values: dict[str, Any] = {}
    for name in dict.fromkeys(params.values()):
        keys = [key for key, function in params.items() if function == name]
        values |= FUNCTIONS[name](ActionKeys(info, action, keys), context)
    return values


def _key(keys: ActionKeys, context: Context) -> dict[str, Any]:
    """Give the name of the variable, not its value: the result is written to spec.yaml."""
    if KEY_VARIABLE not in os.environ:
        return {}
    # An empty text is a choice, too: no encryption.
    named = [key for key in keys.names if key not in context.values]
    return dict.fromkeys(named, f"env:{KEY_VARIABLE}")


def _output_dir(keys: ActionKeys, context: Context) -> dict[str, Any]:
    return keys.all(str(context.folder))


def _parent_model(keys: ActionKeys, context: Context) -> dict[str, Any]:
    if context.parent is None or len(keys.open(context.values)) < len(keys.names):
        return {}
    model = select_model(context.parent, context.choice)
    taking = keys.taking(model)
    if not taking:
        raise UsageError(
            f"{keys.action}: takes no {model.suffix} file, which is what job {context.parent.job} "
            f"({context.parent.action}) leaves: {model}"
        )
    return dict.fromkeys(taking[:1], str(model))


def _parent_model_folder(keys: ActionKeys, context: Context) -> dict[str, Any]:
    if context.parent is None or len(keys.open(context.values)) < len(keys.names):
        return {}
    return keys.all(str(select_model(context.parent, context.choice).parent))


def _create_onnx_file(keys: ActionKeys, context: Context) -> dict[str, Any]:
    return dict.fromkeys(keys.open(context.values), str(context.folder / "model.onnx"))


def _create_engine_file(keys: ActionKeys, context: Context) -> dict[str, Any]:
    return dict.fromkeys(keys.open(context.values), str(context.folder / "model.engine"))


def _ptm_if_no_resume_model(keys: ActionKeys, context: Context) -> dict[str, Any]:
    """Clear the pretrained weights if the job resumes from its own checkpoint."""
    return keys.all("") if last_checkpoint(context.own) else {}


def _resume_model(keys: ActionKeys, context: Context) -> dict[str, Any]:
    last = last_checkpoint(context.own)
    return {} if last is None else keys.all(str(last))


FUNCTIONS: Mapping[str, Callable[[ActionKeys, Context], dict[str, Any]]] = {
    "key": _key,
    "output_dir": _output_dir,
    "parent_model": _parent_model,
    "parent_model_folder": _parent_model_folder,
    "create_onnx_file": _create_onnx_file,
    "create_engine_file": _create_engine_file,
    "parent_model_or_ptm": _parent_model,
    "ptm": lambda keys, context: {},
    "ptm_if_no_resume_model": _ptm_if_no_resume_model,
    "resume_model": _resume_model,
}
