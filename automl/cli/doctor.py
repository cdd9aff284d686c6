"""`automl doctor`: checks that this machine has what the commands need."""

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from automl.cli.flags import user_path
from automl.cli.output import add_output

if TYPE_CHECKING:
    from automl.doctor import Check

_WIDTH = len("libraries (mlflow)")
"""Of a check's name; longer ones stand out."""


def add(commands: Any) -> None:
    """Add the commands of this module to the parser."""
    text = "check that this machine has what the commands need"
    parser = commands.add_parser("doctor", help=text, description=text.capitalize() + ".")
    parser.set_defaults(command=_doctor)
    parser.add_argument(
        "folder", type=user_path, nargs="?", default=Path("runs"),
        help="folder of the experiments, with MLflow's database (default runs)",
    )  # fmt: skip
    parser.add_argument("--quick", action="store_true", help="import Ray but do not start it")
    add_output(parser, has_progress=False)


def _doctor(arguments: argparse.Namespace) -> int:
    from automl.doctor import PROBLEM, checks
    from automl.files import json_text

    coming = checks(arguments.folder, is_quick=arguments.quick)
    made = list(coming) if arguments.json else _printed(coming)
    is_well = all(check.status != PROBLEM for check in made)
    if arguments.json:
        print(json_text({"ok": is_well, "checks": [check.to_dict() for check in made]}))
    return 0 if is_well else 1


def _printed(coming: "Iterator[Check]") -> "list[Check]":
    """Print checks as they come, since Ray takes its time; return them."""
    from rich.console import Console
    from rich.text import Text

    from automl.formats import counted
    from automl.redact import printable

    console = Console(highlight=False, soft_wrap=True)
    made = []
    styles = {"ok": "green", "warning": "yellow", "problem": "bold red"}
    for check in coming:
        made.append(check)
        status = Text(check.status.ljust(9), styles[check.status])
        console.print(
            status, printable(f"{check.name.ljust(_WIDTH)}  {check.found}"), sep="", markup=False
        )
        if check.advice:
            console.print(
                " " * (9 + _WIDTH), printable(f"  -> {check.advice}"), sep="", markup=False
            )
    counts = {name: sum(check.status == name for check in made) for name in styles}
    both = (counted(counts[kind], kind) for kind in ("problem", "warning"))
    console.print(f"\n{', '.join(both)}", markup=False)
    return made
