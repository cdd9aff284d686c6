"""`automl models`: the registered models, and which of them is the champion."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from automl.cli.flags import user_path
from automl.cli.output import show

if TYPE_CHECKING:
    from automl.tracking.models import Models


def add(commands: Any) -> None:
    """Add the commands of this module to the parser."""
    text = "list the registered models; choose the champion"
    group = commands.add_parser("models", help=text, description=text.capitalize() + ".")
    actions = group.add_subparsers(metavar="ACTION", required=True)
    for name, command, text in (
        ("list", _list, "list the versions of all models with their figures"),
        ("promote", _promote, "make a version champion"),
        ("rollback", _rollback, "make the former champion champion again"),
    ):
        parser = actions.add_parser(name, help=text, description=text.capitalize() + ".")
        parser.set_defaults(command=command)
        if name == "promote":
            parser.add_argument("version", help="its number; see automl models list")
            parser.add_argument(
                "--if-better", action="store_true",
                help="only if it beats the champion on the same data by more than chance; else "
                "nothing changes and the exit code is 1",
            )  # fmt: skip
        if name != "list":
            parser.add_argument("--name", help="the model; optional if there is just one")
        parser.add_argument(
            "--runs", type=user_path, default=Path("runs"), metavar="DIR",
            help="an experiment or the folder of several, whose store is meant (default runs)",
        )  # fmt: skip
        parser.add_argument("--json", action="store_true",
                            help="print one JSON object on stdout and nothing else")  # fmt: skip


def _list(arguments: argparse.Namespace) -> int:
    from automl.files import json_text
    from automl.formats import table

    versions = list(_models(arguments).versions())
    header = ("model", "version", "alias", "metric", "value", "data", "from")
    if arguments.json:
        print(json_text({"versions": [version.to_dict() for version in versions]}))
    else:
        show("\n".join(table([header, *(version.row() for version in versions)])))
    return 0


def _promote(arguments: argparse.Namespace) -> int:
    name, former, why = _models(arguments).promote(
        arguments.version, arguments.name, if_better=arguments.if_better
    )
    _say(arguments, name, arguments.version, former, why)
    return 0


def _rollback(arguments: argparse.Namespace) -> int:
    name, version, former = _models(arguments).roll_back(arguments.name)
    _say(arguments, name, version, former)
    return 0


def _say(
    arguments: argparse.Namespace, name: str, version: str, former: str, why: str = ""
) -> None:
    from automl.files import json_text

    if arguments.json:
        content = {
            "name": name,
            "champion": version,
            "former_champion": former or None,
            "why": why or None,
        }
        print(json_text(content))
        return
    instead = f" instead of version {former}" if former else ""
    show(f"models:/{name}@champion is version {version}{instead}" + (f": {why}" if why else ""))


def _models(arguments: argparse.Namespace) -> "Models":
    from automl.tracking.address import store_of
    from automl.tracking.environment import mlflow_environment

    uri = store_of(arguments.runs)
    with mlflow_environment():
        from automl.tracking.models import Models
    return Models(uri)
