"""Creates a job from an action, a skill, a spec and a parent."""

import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from automl.errors import Fault, UsageError, closest, faults_named, nearest
from automl.files import write_yaml
from automl.jobs.datasets import missing_data
from automl.jobs.mappings import Context, mapped
from automl.jobs.models import Choice
from automl.jobs.parents import Parent, find_parent, own_source
from automl.jobs.record import Job
from automl.jobs.store import DEFAULT_ROOT, JobStore
from automl.redact import check_kept_out
from automl.schema.schema import Schema
from automl.schema.spec import flatten
from automl.skill.failures import faults_of_the_user
from automl.skill.info import SkillInfo, schema_path
from automl.skill.installed import lasting_name, load_skill
from automl.skill.loaded import LoadedSkill


def create_job(
    action: str,
    skill: str,
    spec: Mapping[str, Any] | None = None,
    *,
    parent_job_id: str | None = None,
    root: Path = DEFAULT_ROOT,
    choice: Choice | None = None,
) -> Job:
    """Check and write a job, its folder and spec; it is pending until `run_job` runs it.

    Args:
        action: train, evaluate, ...: an action of the skill.
        skill: An installed skill's name or the path of a skill's folder.
        spec: What the user sets, by dotted key, short name or nested.
        parent_job_id: The job whose model and settings this one takes: a train, quantize, export
            or gen_trt_engine job, or an experiment, which means its best trial.
        root: The folder of all jobs.
        choice: Which checkpoint of a parent that trained; by default the best one.

    Raises `UsageError` naming all faults; nothing is then left on disk.
    """
    loaded = load_skill(skill)
    info = loaded.info
    check_action(info, action)
    parent = None
    if parent_job_id is not None:
        with faults_named("--parent", parent_job_id):
            parent = find_parent(JobStore(root), parent_job_id, info)
    draft = _Draft(
        action,
        info,
        loaded,
        folder=(root / _new_id(action)).resolve(),
        parent=parent,
        choice=choice,
    )
    resolved = draft.spec(flatten(spec or {}))
    job = Job(draft.folder.name, action, lasting_name(skill), parent_job_id, created=time.time())
    draft.folder.mkdir(parents=True)
    write_yaml(draft.folder / "spec.yaml", resolved)
    JobStore(root).put(job)
    return job


@dataclass(frozen=True)
class _Draft:
    """A job before it is created: what its spec is made from."""

    action: str
    info: SkillInfo
    skill: LoadedSkill
    folder: Path
    parent: Parent | None
    choice: Choice | None

    def spec(self, options: Mapping[str, Any]) -> dict[str, Any]:
        """Return the whole spec; raises `UsageError`."""
        read = self.skill.read_values(self.action, options)
        overrides = {self.info.shorthand.get(key, key): v for key, v in read.items()}
        for key, value in overrides.items():
            if isinstance(value, str) and self.info.takes_places(key, action=self.action):
                overrides[key] = [value]
        self._check_overrides(overrides)
        fields = self._fields()
        inherited = {} if self.parent is None else self._inherited(self.parent, fields)
        defaults = {
            key: value
            for key, value in self.info.key_defaults.items()
            if fields is None or key in fields
        }
        values = {**defaults, **inherited, **overrides}
        values |= mapped(self.info, self.action, self._context(values))
        faults = [*missing_data(self.info, self.action, values), *self._missing_models(values)]
        if faults:
            raise UsageError(*faults)
        with faults_of_the_user():
            resolved = self.skill.resolve(self.action, values)
            check_kept_out(values, flatten(resolved))
            if self.action == "train":
                self.skill.check(resolved)
        return resolved

    def _context(self, values: Mapping[str, Any]) -> Context:
        parent = None if self.parent is None else self.parent.source
        if self.choice is not None and not self._takes_model:
            raise UsageError(
                f"--from-epoch and --checkpoint-choose-method: {self.action} takes no model from a "
                "parent"
            )
        return Context(
            self.folder, own_source(self.info, self.folder), parent, self.choice or Choice(), values
        )

    @property
    def _takes_model(self) -> bool:
        functions = self.info.spec_params.get(self.action, {}).values()
        return not {"parent_model", "parent_model_folder"}.isdisjoint(functions)

    def _check_overrides(self, overrides: Mapping[str, Any]) -> None:
        params = self.info.spec_params.get(self.action, {})
        faults = [
            f"{key}: cannot be set here: each job has its own folder; --root sets their parent"
            for key in overrides
            if params.get(key) == "output_dir"
        ]
        if faults:
            raise UsageError(*faults)
        path = schema_path(self.skill.folder, self.action)
        if path.exists():
            Schema.read(path).check_keys(overrides)

    def _fields(self) -> Mapping[str, Any] | None:
        path = schema_path(self.skill.folder, self.action)
        return Schema.read(path).fields if path.exists() else None

    def _inherited(self, parent: Parent, fields: Mapping[str, Any] | None) -> dict[str, Any]:
        """Return the parent's values for the keys that both specs have and no function fills."""
        filled = {
            key for key, name in self.info.spec_params.get(self.action, {}).items() if name != "key"
        }
        own = f"{self.action}."
        return {
            key: value
            for key, value in flatten(parent.spec).items()
            if (fields is None or key in fields) and key not in filled and not key.startswith(own)
        } | self._copied(parent)

    def _copied(self, parent: Parent) -> dict[str, Any]:
        """Return the values that a promotion copies too, such as the trained image size."""
        flat = flatten(parent.spec)
        hints = self.info.promotion.get(self.action, {})
        return {key: flat[source] for key, source in hints.items() if source in flat}

    def _missing_models(self, values: Mapping[str, Any]) -> list[str]:
        params = self.info.spec_params.get(self.action, {})
        keys = [key for key, name in params.items() if name == "parent_model"]
        if not keys or any(values.get(key) not in (None, "", "???") for key in keys):
            return []
        text = f"{self.action}: a model is missing; give --parent JOB (or {keys[0]}=FILE)"
        return [Fault(text, key="--parent")]


def check_action(info: SkillInfo, action: str) -> None:
    """Raise `UsageError` for an action that a skill has not, with the nearest."""
    actions = list(info.actions) or list(info.spec_params)
    if action not in actions:
        text = f"{action!r} is not an action of {info.name}{nearest(action, actions)}; "
        raise UsageError(
            Fault(
                f"{text}it has {', '.join(actions)}", key="ACTION", value=action, allowed=actions,
                nearest=closest(action, actions),
            )
        )  # fmt: skip


def _new_id(action: str) -> str:
    return f"{action}-{datetime.now():%Y%m%d-%H%M%S}-{secrets.token_hex(2)}"
