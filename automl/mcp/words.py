"""The words of commands, from the arguments of tools."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from automl.errors import Fault, UsageError
from automl.request.options import RUN_OPTIONS

_KEY = re.compile(r"[A-Za-z_][\w.\[\]-]*")


def run_words(arguments: Mapping[str, Any]) -> list[str]:
    """Return the words behind `automl run`; raises `UsageError` for keys that are none."""
    words = ["run"]
    for name, value in arguments.items():
        words += _option_words(name, value)
    return words


def flag_words(arguments: Mapping[str, Any], flags: Sequence[str]) -> list[str]:
    """Return the words of some flags, each named as its argument."""
    words = []
    for name in flags:
        value = arguments.get(name)
        flag = f"--{name.replace('_', '-')}"
        if value is True:
            words.append(flag)
        elif value is not None and value is not False:
            words.append(f"{flag}={value}")
    return words


def value_words(values: Mapping[str, Any]) -> list[str]:
    """Return `key=value` for each value; raises `UsageError` for keys that are none."""
    _check_keys("values", values)
    return [f"{key}={json.dumps(value)}" for key, value in values.items()]


def place(path: str) -> str:
    """Return a path that no command takes for a flag."""
    return f"./{path}" if path.startswith("-") else path


def _option_words(name: str, value: Any) -> Iterator[str]:
    option = RUN_OPTIONS[name]
    if option.kind == "flag":
        yield from [str(option.flag)] if value else []
    elif option.kind == "texts":
        yield from (f"{option.flag}={text}" for text in value)
    elif option.kind == "mapping":
        _check_keys(name, value)
        for key, inner in value.items():
            is_expression = name == "search" and isinstance(inner, str)
            word = f"{key}={inner if is_expression else json.dumps(inner)}"
            yield word if option.flag is None else f"{option.flag}={word}"
    else:
        yield f"{option.flag}={value}"


def _check_keys(name: str, value: Mapping[str, Any]) -> None:
    """Raise `UsageError` for keys that a command would take for something else."""
    faults = [
        Fault(f"{name}.{key}: is an argument of its own, not a setting", key=key, next=key)
        for key in value
        if name == "spec" and key in RUN_OPTIONS
    ]
    faults += [
        Fault(f"{name}: {key!r} is not a key; give dotted names as train.optim.lr", key=str(key))
        for key in value
        if not _KEY.fullmatch(key)
    ]
    if faults:
        raise UsageError(*faults)
