"""How earlier experiments compare with a new one: which lie beside it, and in what they differ."""

import json
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from automl.errors import UsageError
from automl.experiment.experiment import Experiment
from automl.experiment.paths import ExperimentPaths
from automl.experiment.settings import Settings
from automl.files import json_text
from automl.schema.schema import Schema
from automl.schema.spec import flatten

_KEYS = 3
"""Differing keys that are named; of the rest only the number is."""


@dataclass(frozen=True)
class Neighbours:
    """The experiments beside a folder."""

    experiments: tuple[Experiment, ...]
    """The one that was driven last comes first."""
    unreadable: tuple[str, ...]
    """Why others cannot be read: of another version, or damaged."""


def neighbours(root: Path) -> Neighbours:
    """Read the experiments beside a folder, which need not exist."""
    beside = [ExperimentPaths(p) for p in root.parent.glob("*") if p.resolve() != root.resolve()]
    started = [paths for paths in beside if paths.exists() and paths.journal.exists()]
    experiments, unreadable = [], []
    for paths in sorted(started, key=lambda p: p.journal.stat().st_mtime, reverse=True):
        try:
            experiments.append(Experiment.load(paths.root))
        except UsageError as error:
            unreadable.append(str(error))
    return Neighbours(tuple(experiments), tuple(unreadable))


def differences_in_task(settings: Settings, schema: Schema, past: Experiment) -> Iterator[str]:
    """Yield what makes the values of an earlier search useless to a new one."""
    if past.settings.skill != settings.skill:
        yield f"its skill is {past.settings.skill}, not {settings.skill}"
        return
    if not _has_schema(past, schema):
        yield "its schema is another"
    before, now = past.settings.data.get("fingerprint"), settings.data.get("fingerprint")
    if before != now or now is None:
        yield f"its data has fingerprint {before}, not {now}"
    before_goal = [o.to_dict() for o in past.settings.objectives]
    goal = [o.to_dict() for o in settings.objectives]
    if before_goal != goal:
        yield f"its objectives are {before_goal}, not {goal}"


def differences_in_size(
    settings: Settings, past: Settings, *, free: Collection[str]
) -> Iterator[str]:
    """Yield what makes the trainings of two experiments unlike in size; `free` keys may differ."""
    if settings.skill != past.skill:
        yield f"its skill is {past.skill}"
        return
    now, then = flatten(settings.spec), flatten(past.spec)
    keys = sorted(k for k in {*now, *then}.difference(free) if now.get(k) != then.get(k))
    if keys:
        more = f" and {len(keys) - _KEYS} more" if len(keys) > _KEYS else ""
        yield f"it differs in {', '.join(keys[:_KEYS])}{more}"


def differences_in_pace(settings: Settings, past: Settings) -> Iterator[str]:
    """Yield what makes trainings of one size take different times."""
    before, now = past.data.get("fingerprint"), settings.data.get("fingerprint")
    if now is None or before != now:
        yield "its data is other data"
    if past.resources != settings.resources:
        yield "it had other resources"


def _has_schema(past: Experiment, schema: Schema) -> bool:
    try:
        document = json.loads(past.paths.schema.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    # Through text, for a document holds tuples and numbers that JSON writes in another way.
    return bool(document == json.loads(json_text(schema.document)))
