"""Reads the JSON schema of an action: its fields, its defaults, and what is wrong with a spec.

Takes JSON Schema 2020-12 and TAO's dialect (float, bool, categorical, Infinity, ...).
"""

import json
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from automl.errors import Fault, UsageError, not_allowed, unknown_key
from automl.schema.field import field_from_node, leaves_of
from automl.schema.normalize import plain_node
from automl.schema.spec import path_of
from automl.schema.validate import errors_of, validator_of

_HINTS = 30
"""Faults that name the nearest key: of thousands nobody reads it, and each takes 1.5 ms."""


class Schema:
    """A read schema; `fields` are its leaves by dotted key.

    Raises `UsageError` naming each key with something that is not understood.
    """

    def __init__(self, document: Mapping[str, Any]) -> None:
        faults: list[str] = []
        self.document = plain_node(document, document, faults.append)
        self.fields = {
            key: field_from_node(key, node, default, partial(_note, faults, key))
            for key, node, default in leaves_of(self.document, document.get("default"))
        }
        self.automl_defaults = _names(document, "automl_default_parameters", faults)
        self.automl_disabled = _names(document, "automl_disabled_parameters", faults)
        if faults:
            raise UsageError(*faults)
        if "automl_default_parameters" not in document:
            self.automl_defaults = tuple(
                sorted(key for key, known in self.fields.items() if known.is_searchable)
            )

    @classmethod
    def read(cls, path: Path) -> "Schema":
        """Read a schema file; raises `UsageError` if it is missing or not JSON."""
        try:
            document = json.loads(path.read_text(encoding="utf-8"))
        except OSError as error:
            raise UsageError(f"{path}: cannot be read ({error.strerror})") from error
        except json.JSONDecodeError as error:
            raise UsageError(f"{path}: is not JSON (line {error.lineno}: {error.msg})") from error
        except (ValueError, RecursionError) as error:
            raise UsageError(f"{path}: is not JSON ({error})") from error
        if not isinstance(document, dict) or not isinstance(document.get("properties"), dict):
            raise UsageError(f"{path}: is not a schema of an object with properties")
        return cls(document)

    def defaults(self) -> dict[str, Any]:
        """Return the flat spec that the schema's defaults make."""
        return {key: known.default for key, known in self.fields.items()}

    def is_secret(self, key: str) -> bool:
        """Whether the value of a key is to be shown to nobody (`writeOnly`)."""
        return key in self.fields and bool(_node_at(self.document, key).get("writeOnly"))

    def check_keys(self, flat: Mapping[str, Any]) -> None:
        """Raise `UsageError` for flat overrides with unknown keys or values out of bounds."""
        faults: list[str] = []
        for key, value in flat.items():
            faults += self.value_faults(key, value, is_hinted=len(faults) < _HINTS)
        if faults:
            raise UsageError(*faults)

    def spec_faults(self, spec: Mapping[str, Any]) -> Iterator[str]:
        """Yield everything that is wrong with a nested spec, each with its dotted key.

        A value that is the schema's own default is taken as it is.
        """
        for key, message, value in errors_of(validator_of(self.document), spec):
            known = self.fields.get(key)
            if known is None:
                yield f"{key}: {message}" if key else message
            elif value != known.default or isinstance(value, bool):
                yield not_allowed(key, value, known.allowed())

    def value_faults(self, key: str, value: Any, *, is_hinted: bool = True) -> Iterator[str]:
        """Yield what is wrong with one value under a dotted key, and what it may mean."""
        if key not in self.fields:
            if not self._is_in_open_field(key):
                yield unknown_key(key, self.fields if is_hinted else ())
            return
        known = self.fields[key]
        details = [text for _, text, _ in errors_of(_validator_at(self.document, key), value)]
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if not details and is_number and not known.condition.holds(value):
            details = [""]
        if details:
            detail = f" ({details[0]})" if known.is_list or known.type == "collection" else ""
            shown = "the value" if self.is_secret(key) else repr(value)
            text = (
                f"{key}: {shown} is not allowed{detail}: must be {known.allowed()}; the default is "
            )
            yield Fault(
                f"{text}{known.default!r}", key=key,
                value=None if self.is_secret(key) else value,
                allowed=known.choices or known.allowed(),
            )  # fmt: skip

    def flat(self, spec: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
        """Return a nested spec by dotted key; a collection that is one field stays whole."""
        flat: dict[str, Any] = {}
        for name, value in spec.items():
            key = f"{prefix}{name}"
            if isinstance(value, Mapping) and value and key not in self.fields:
                flat |= self.flat(value, f"{key}.")
            else:
                flat[key] = value
        return flat

    def _is_in_open_field(self, key: str) -> bool:
        """Whether a key names a place of a list, or a part of a collection without properties."""
        path = path_of(key)
        above = [".".join(map(str, path[:n])) for n in range(1, len(path))]
        fields = [self.fields[name] for name in above if name in self.fields]
        return any(field.is_list or field.type in ("collection", "dict") for field in fields)


def _note(faults: list[str], key: str, text: str) -> None:
    faults.append(f"{key}: {text}")


def _validator_at(document: Mapping[str, Any], key: str) -> Any:
    return validator_of(_node_at(document, key))


def _node_at(document: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    node = document
    for name in _path_of(document, key):
        node = node["properties"][name]
    return node


def _path_of(document: Mapping[str, Any], key: str) -> list[str]:
    """Return the names on the way to a key; a name may itself have dots in it."""
    properties = document["properties"]
    for name, child in properties.items():
        if key == name:
            return [name]
        if key.startswith(f"{name}.") and child.get("properties"):
            rest = _path_of(child, key[len(name) + 1 :])
            if rest:
                return [name, *rest]
    return []


def _names(document: Mapping[str, Any], word: str, faults: list[str]) -> tuple[str, ...]:
    value = document.get(word)
    if value is None:
        return ()
    if not isinstance(value, list) or not all(isinstance(name, str) for name in value):
        faults.append(f"{word}: is not a list of keys: {value!r:.60}")
        return ()
    return tuple(sorted(set(value)))
