"""Checks arguments against the annotations of a public function: Python itself does not."""

import functools
import inspect
import reprlib
import types
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from numbers import Integral, Real
from os import PathLike
from pathlib import Path
from typing import Any, ParamSpec, TypeVar, get_args, get_origin

from automl.errors import Fault, UsageError

_P = ParamSpec("_P")
_R = TypeVar("_R")

_WORDS: dict[Any, str] = {
    str: "a text that is not empty", Path: "a path", bool: "True or False",
    int: "a whole number", float: "a number", Callable: "a function", types.NoneType: "None",
}  # fmt: skip
_PLURALS = {str: "texts", Callable: "functions"}


def checked(function: Callable[_P, _R]) -> Callable[_P, _R]:
    """Let a function raise `UsageError` for arguments that are not of the annotated types.

    Numbers of numpy become Python's. What the annotation says no more of, as `Any`, is not checked.
    """
    signature = inspect.signature(function)

    @functools.wraps(function)
    def call(*positional: _P.args, **named: _P.kwargs) -> _R:
        bound = signature.bind(*positional, **named)
        faults = []
        for name, value in bound.arguments.items():
            kinds = tuple(_kinds(signature.parameters[name]))
            if kinds and not any(_fits(value, kind) for kind in kinds):
                faults.append(_fault(name, value, kinds))
            elif kinds:
                bound.arguments[name] = _plain(value)
        if faults:
            raise UsageError(*faults)
        return function(*bound.args, **bound.kwargs)

    return call


def _kinds(parameter: inspect.Parameter) -> Iterator[Any]:
    """Yield the types that an annotation allows; none if it is not one to check."""
    if parameter.kind in (parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL):
        return
    note = parameter.annotation
    kinds = get_args(note) if isinstance(note, types.UnionType) else (note,)
    if all(kind in _WORDS or get_origin(kind) is Iterable for kind in kinds):
        yield from kinds


def _fits(value: Any, kind: Any) -> bool:
    if kind is bool or isinstance(value, bool):
        return isinstance(value, bool) and kind is bool
    if kind is str:
        return isinstance(value, str) and bool(value.strip())
    if get_origin(kind) is Iterable:
        return isinstance(value, Iterable) and not isinstance(value, str | bytes | Mapping) and (
            not isinstance(value, list | tuple) or all(_fits(item, _item(kind)) for item in value)
        )  # fmt: skip
    protocols = {Path: PathLike, int: Integral, float: Real}
    return callable(value) if kind is Callable else isinstance(value, protocols.get(kind, kind))


def _item(kind: Any) -> Any:
    """Return the type of the items of an iterable."""
    (item,) = get_args(kind)
    return get_origin(item) or item


def _plain(value: Any) -> Any:
    if isinstance(value, Integral) and not isinstance(value, int):
        return int(value)
    return float(value) if isinstance(value, Real) and not isinstance(value, int) else value


def _fault(name: str, value: Any, kinds: Sequence[Any]) -> Fault:
    kinds = [kind for kind in kinds if kind is not str or Path not in kinds]
    must = " or ".join(
        _WORDS[kind] if kind in _WORDS else f"a list of {_PLURALS[_item(kind)]}" for kind in kinds
    )
    shown = reprlib.repr(value)
    return Fault(
        f"{name}: {shown} is not allowed: must be {must}", key=name, value=shown, allowed=must
    )
