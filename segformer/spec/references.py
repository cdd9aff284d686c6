"""Resolves ``${...}`` in a spec as OmegaConf does for TAO: other keys and environment variables."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from segformer.errors import SpecError, nearest

_REFERENCE = re.compile(r"\$\{([^${}]*)\}")
_ENVIRONMENT = "oc.env:"


class _UnresolvedError(Exception):
    """A reference has no value; says why."""


def with_references_resolved(
    flat: Mapping[str, Any], environ: Mapping[str, str] = os.environ
) -> dict[str, Any]:
    """Return values by dotted key with each ``${...}`` replaced by what it stands for.

    ``${a.b}`` is the value of another key of this spec, ``${.b}`` and ``${..b}`` of one beside it
    and above it, ``${oc.env:NAME}`` and ``${oc.env:NAME,default}`` a variable of the environment. A
    value that is nothing but a reference keeps the type of its target.

    Raises `SpecError` with a line for each value whose reference leads nowhere. A key that the spec
    does not have is no target, since dataset.json or a checkpoint may decide it.
    """
    values = _Values(flat, environ)
    resolved: dict[str, Any] = {}
    faults = []
    for key, value in flat.items():
        try:
            resolved[key] = values.resolved(value, key)
        except _UnresolvedError as error:
            faults.append(f"{key}: {value!r} is not allowed: {error}")
    if faults:
        raise SpecError(faults)
    return resolved


@dataclass(frozen=True)
class _Values:
    flat: Mapping[str, Any]
    environ: Mapping[str, str]

    def resolved(self, value: Any, *keys: str) -> Any:  # noqa: ANN401 - values of YAML.
        """Return a value of the first key; the others are those that led to it."""
        if isinstance(value, list):
            return [self.resolved(item, *keys) for item in value]
        if isinstance(value, Mapping):
            return {name: self.resolved(item, *keys) for name, item in value.items()}
        if not isinstance(value, str):
            return value
        while reference := _REFERENCE.search(value):
            target = self._target(reference[1].strip(), *keys)
            if reference[0] == value:
                return target
            if target in (None, "") or isinstance(target, list | Mapping):
                kind = "a list or a section" if target else "empty"
                raise _UnresolvedError(f"{reference[0]} is {kind}, and can be no part of a text")
            value = f"{value[: reference.start()]}{target}{value[reference.end() :]}"
        if "${" in value:
            raise _UnresolvedError("a ${ is not closed by }")
        return value

    def _target(self, name: str, *keys: str) -> Any:  # noqa: ANN401
        if name.startswith(_ENVIRONMENT):
            return self._variable(name.removeprefix(_ENVIRONMENT))
        if ":" in name:
            raise _UnresolvedError(
                f"${{{name}}} is not resolved, only keys of this spec and ${{oc.env:NAME}} are"
            )
        target = _absolute(name, keys[0])
        if target in keys:
            raise _UnresolvedError(f"it leads to itself by {target}")
        if target not in self.flat:
            is_section = any(other.startswith(f"{target}.") for other in self.flat)
            what = "is a section, not a value" if is_section else "is not set in this spec"
            near = "" if is_section else nearest(target, self.flat)
            raise _UnresolvedError(f"{target} {what}{near}")
        if self.flat[target] == "???":
            raise _UnresolvedError(f"{target} is not set")
        return self.resolved(self.flat[target], target, *keys)

    def _variable(self, text: str) -> str | None:
        name, comma, default = (part.strip() for part in text.partition(","))
        value = self.environ.get(name, default if comma else None)
        if value is None:
            raise _UnresolvedError(f"the environment variable {name} is not set")
        if "${" in value:
            raise _UnresolvedError(f"the environment variable {name} holds a reference itself")
        return None if name not in self.environ and default == "null" else value


def _absolute(name: str, key: str) -> str:
    """Return the dotted key of a name in the value of `key`; a dot is the section that holds it."""
    rest = name.lstrip(".")
    dots = len(name) - len(rest)
    return ".".join([*key.split(".")[:-dots], rest]) if dots else name
