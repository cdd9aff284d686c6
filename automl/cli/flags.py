"""The flags of a run, made from the table of options, and the options that they give."""

import argparse
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from automl.request.options import RUN_OPTIONS, Option, Options

if TYPE_CHECKING:
    from automl.request.space import SpaceRequest

SPACE = ("space", "search", "fix", "keep")
_TYPES: dict[str, type] = {"whole": int, "number": float}


def user_path(text: str) -> Path:
    """Read a path; a shell leaves the ~ of one in quotes, or behind a flag's =, as it is."""
    return Path(text).expanduser()


def add_flags(parser: argparse.ArgumentParser, names: Iterable[str] = RUN_OPTIONS) -> None:
    """Add the flags of some options; a flag that is not given is None."""
    for name in names:
        option = RUN_OPTIONS[name]
        if option.flag is None:
            continue
        if option.kind == "flag":
            parser.add_argument(option.flag, dest=name, help=_help(option), action="store_const",
                                const=True)  # fmt: skip
            continue
        parser.add_argument(
            option.flag, *option.more_flags, dest=name, help=_help(option),
            metavar=option.metavar, type=_TYPES.get(option.kind, str),
            action="append" if option.kind in ("texts", "mapping") else "store",
        )  # fmt: skip


def options_from_flags(arguments: argparse.Namespace) -> Options:
    """Return the options that were given by flags."""
    from automl.request.space import parse_searched
    from automl.schema.spec import parse_assignments

    options: dict[str, Any] = {}
    for name, option in RUN_OPTIONS.items():
        value = getattr(arguments, name, None)
        if value is None:
            continue
        if name == "search":
            value = parse_searched(value)
        elif option.kind == "mapping":
            value = parse_assignments(value)
        elif option.kind == "texts":
            value = tuple(value)
        options[name] = value
    return options


def space_flags(arguments: argparse.Namespace) -> "SpaceRequest":
    """Return the search space that the flags ask for."""
    from automl.request.request import space_request_from_options

    return space_request_from_options(options_from_flags(arguments))


def _help(option: Option) -> str:
    repeated = "; may be repeated" if option.kind in ("texts", "mapping") else ""
    default = f" (default {option.default})" if option.default else ""
    return f"{option.help}{repeated}{default}".replace("%", "%%")
