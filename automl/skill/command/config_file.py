"""Writes a spec as the file that a command reads: YAML, JSON or TOML."""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from automl.errors import UsageError

FORMATS = ("yaml", "json", "toml")
NAMES = tuple(f"config.{kind}" for kind in FORMATS)
_BARE = re.compile(r"[A-Za-z0-9_-]+")


def write_config(folder: Path, spec: Mapping[str, Any], kind: str) -> Path:
    """Write a nested spec to ``config.KIND`` and return the file; raises `UsageError`."""
    if kind not in FORMATS:
        raise UsageError(f"config_format: {kind!r} is not one of {', '.join(FORMATS)}")
    path = folder / f"config.{kind}"
    path.write_text(_text(spec, kind), encoding="utf-8")
    return path


def _text(spec: Mapping[str, Any], kind: str) -> str:
    if kind == "json":
        return json.dumps(spec)
    if kind == "toml":
        return "\n".join(toml_lines(spec)) + "\n"
    return yaml.safe_dump(spec, sort_keys=False)


def toml_lines(table: Mapping[str, Any], name: str = "") -> Iterator[str]:
    """Yield the lines of a TOML table; null, which TOML lacks, is left out."""
    if name:
        yield f"[{name}]"
    for key, value in table.items():
        if not isinstance(value, Mapping) and value is not None:
            yield f"{_key(key)} = {_value(value)}"
    for key, value in table.items():
        if isinstance(value, Mapping):
            yield from toml_lines(value, f"{name}.{_key(key)}" if name else _key(key))


def _key(key: str) -> str:
    return key if _BARE.fullmatch(key) else json.dumps(key)


def _value(value: Any) -> str:
    if isinstance(value, Mapping):
        parts = (f"{_key(k)} = {_value(v)}" for k, v in value.items() if v is not None)
        return f"{{{', '.join(parts)}}}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(_value(part) for part in value if part is not None)}]"
    # Booleans, numbers and texts are written as in JSON, but for numbers that are not finite.
    text = json.dumps(value)
    return {"Infinity": "inf", "-Infinity": "-inf", "NaN": "nan"}.get(text, text)
