"""The data sets of an action: the keys that each fills, and those that are missing."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from automl.errors import Fault, UsageError, nearest
from automl.skill.info import SkillInfo


def flag_of(source: str) -> str:
    """Return the flag of the command line that gives a data set: train_datasets is a source."""
    return f"--{source.replace('_', '-')}"


def values_from_sources(info: SkillInfo, action: str, sources: Mapping[str, str]) -> dict[str, str]:
    """Return the values by dotted key of data sets by source, e.g. ``{"eval_dataset": URI}``.

    A local path becomes absolute. Raises `UsageError` for a source that the action does not take.
    """
    taken = info.data_sources.get(action, {})
    sources_taken = sorted({facts["source"] for facts in taken.values()})
    faults = [
        f"{flag_of(source)}: {action} takes no {source}{nearest(source, sources_taken)}; "
        f"it takes {', '.join(map(flag_of, sources_taken)) or 'no data set'}"
        for source in sources
        if source not in sources_taken
    ]
    if faults:
        raise UsageError(*faults)
    return {
        key: _place(sources[facts["source"]], facts.get("path", ""))
        for key, facts in taken.items()
        if facts["source"] in sources
    }


def missing_data(info: SkillInfo, action: str, values: Mapping[str, Any]) -> list[str]:
    """Return one line for each data set that an action needs and does not have."""
    return [
        Fault(
            f"{action}: {facts['source']} is missing; give {flag_of(facts['source'])} URI "
            f"(or {key}=URI)",
            key=flag_of(facts["source"]),
        )
        for key, facts in info.data_sources.get(action, {}).items()
        if not facts.get("optional")
        and not values.get(facts.get("unless", ""))
        and values.get(key) in (None, "", "???")
    ]


def _place(uri: str, inner: str) -> str:
    place = uri if "://" in uri else str(Path(uri).expanduser().resolve())
    return f"{place.rstrip('/')}/{inner}" if inner else place
