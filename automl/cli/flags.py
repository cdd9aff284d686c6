"""The flags of a run, made from the table of keys, and what was said by them."""

import argparse
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from automl.request.options import BY_NAME, KEYS, Key, Options

if TYPE_CHECKING:
    from automl.request.space import SpaceRequest

SPACE = ("space", "search", "fix")
_TYPES: dict[str, type] = {"whole": int, "number": float}


def add_flags(parser: argparse.ArgumentParser, names: Iterable[str] = BY_NAME) -> None:
    """Add the flags of some keys; one that is not given is None."""
    for name in names:
        key = BY_NAME[name]
        if key.flag is None:
            continue
        parser.add_argument(
            key.flag, *key.more_flags, dest=name, help=_help(key), metavar=key.metavar,
            type=_TYPES.get(key.kind, str),
            action="append" if key.kind in ("texts", "mapping") else "store",
        )  # fmt: skip


def said_by_flags(arguments: argparse.Namespace) -> Options:
    """Return what the flags say, by the names of their keys."""
    from automl.request.space import parse_searched
    from automl.schema.spec import parse_assignments

    said: dict[str, Any] = {}
    for key in KEYS:
        value = getattr(arguments, key.name, None)
        if value is None:
            continue
        if key.name == "search":
            value = parse_searched(value)
        elif key.kind == "mapping":
            value = parse_assignments(value)
        elif key.kind == "texts":
            value = tuple(value)
        said[key.name] = value
    return said


def space_flags(arguments: argparse.Namespace) -> "SpaceRequest":
    """Return what the flags of the space say."""
    from automl.request.request import space_request_from_options

    return space_request_from_options(said_by_flags(arguments))


def _help(key: Key) -> str:
    repeated = "; may be repeated" if key.kind in ("texts", "mapping") else ""
    default = f" (default {key.default})" if key.default else ""
    return f"{key.help}{repeated}{default}".replace("%", "%%")
