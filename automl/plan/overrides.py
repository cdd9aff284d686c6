"""The values of the spec that a request sets, by dotted key."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from automl.errors import Fault, UsageError, disagreement
from automl.request.request import Request
from automl.skill.failures import faults_of_the_user
from automl.skill.info import SkillInfo


def overrides_of(request: Request, info: SkillInfo) -> dict[str, Any]:
    """Return the request's own values with --data and --epochs under their keys of the spec.

    Raises `UsageError` for keys that each trial sets itself, for flags that disagree with values,
    and for data that is missing.
    """
    given = {info.shorthand.get(key, key): value for key, value in request.overrides.items()}
    overrides = {k: v for k, v in given.items() if v not in _NOTHING or k not in _own_keys(info)}
    if faults := [*_faults(request, overrides, info)]:
        raise UsageError(*faults)
    flags = {key: value for _, key, value in _flags(request, info) if value is not None}
    overrides |= {key: value for key, value in flags.items() if key is not None}
    if info.data_key is not None:
        overrides |= _data_values(overrides, info)
    return overrides


_NOTHING = (None, "", "???")
"""What a spec of TAO's has for a path that is not given."""


def _own_keys(info: SkillInfo) -> set[str]:
    """Return the keys of the paths that a run sets: of data, results and resuming."""
    functions = info.spec_params.get("train", {})
    paths = {key for key, name in functions.items() if name in ("output_dir", "resume_model")}
    return paths | ({info.data_key} if info.data_key else set())


def _data_values(overrides: Mapping[str, Any], info: SkillInfo) -> dict[str, Any]:
    """Return the values of the keys of training data, with local paths made absolute."""
    values = {}
    for key in overrides.keys() & info.data_sources.get("train", {}).keys():
        value = overrides[key]
        if isinstance(value, str) and value:
            values[key] = [_absolute(value)] if info.takes_places(key) else _absolute(value)
        elif isinstance(value, list) and all(isinstance(place, str) for place in value):
            values[key] = [_absolute(place) for place in value]
    return values


@contextmanager
def faults_by_flag(request: Request, info: SkillInfo) -> Iterator[None]:
    """Turn a skill's faults into `UsageError`; those of --data and --epochs name the flag."""
    try:
        with faults_of_the_user():
            yield
    except UsageError as error:
        flags = [*_flags(request, info)]
        faults = [_by_flag(fault, flags) for fault in error.faults]
        raise UsageError(*faults, kind=error.error_kind) from error


def _by_flag(fault: Fault, flags: Iterable[tuple[str, str | None, Any]]) -> Fault:
    for flag, key, value in flags:
        if value is not None and key is not None and fault.startswith(f"{key}: "):
            text = fault.replace(f"{key}: ", f"{flag}: ", 1).replace(f"{key}=", f"{flag} ")
            return fault.with_text(text, key=flag, value=value)
    return fault


def _flags(request: Request, info: SkillInfo) -> Iterator[tuple[str, str | None, Any]]:
    """Yield each flag that has a key in the spec, the key and the value that was given."""
    yield "--data", info.data_key, request.data
    if request.search.epochs is not None:
        yield "--epochs", info.epochs_key, request.search.epochs


def _faults(request: Request, overrides: Mapping[str, Any], info: SkillInfo) -> Iterator[str]:
    functions = info.spec_params.get("train", {})
    for name in overrides:
        if functions.get(name) in ("output_dir", "resume_model"):
            yield (
                f"{name}: cannot be set here, every trial has its own; give {name}= to leave it out"
                " of a file's, and --out for the experiment's folder"
            )
    for flag, key, value in _flags(request, info):
        if value is not None and key is None:
            yield f"{flag}: {info.name} takes no data (no data_sources in {info.path})"
        elif value is not None and overrides.get(str(key), value) != value:
            yield disagreement(f"{flag} {value}", f"{key}={overrides[str(key)]}")
    if info.needs_data and request.data is None and info.data_key not in overrides:
        text = f"--data is missing: the folder of the data set (or {info.data_key}=DIR)"
        yield Fault(text, key="--data")


def _absolute(location: str) -> str:
    return location if "://" in location else str(Path(location).expanduser().resolve())
