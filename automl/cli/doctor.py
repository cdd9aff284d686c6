"""`automl doctor`: checks that this machine has what the commands need."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from automl.cli.output import add_output

if TYPE_CHECKING:
    from automl.doctor import Check


def add(commands: Any) -> None:
    """Add the commands of this module to the parser."""
    text = "check that this machine has what the commands need"
    parser = commands.add_parser("doctor", help=text, description=text.capitalize() + ".")
    parser.set_defaults(command=_doctor)
    parser.add_argument(
        "folder", type=Path, nargs="?", default=Path("runs"),
        help="folder of the experiments, with MLflow's database (default runs)",
    )  # fmt: skip
    parser.add_argument("--quick", action="store_true", help="import Ray but do not start it")
    add_output(parser, has_progress=False)


def _doctor(arguments: argparse.Namespace) -> int:
    from automl.doctor import PROBLEM, checks
    from automl.files import json_text

    made = checks(arguments.folder, is_quick=arguments.quick)
    is_well = all(check.status != PROBLEM for check in made)
    if arguments.json:
        print(json_text({"ok": is_well, "checks": [check.to_dict() for check in made]}))
    else:
        _print(made)
    return 0 if is_well else 1


def _print(made: "list[Check]") -> None:
    from rich.console import Console
    from rich.text import Text

    from automl.redact import printable

    console = Console(highlight=False, soft_wrap=True)
    width = max(len(check.name) for check in made)
    styles = {"ok": "green", "warning": "yellow", "problem": "bold red"}
    for check in made:
        status = Text(check.status.ljust(9), styles[check.status])
        console.print(
            status, printable(f"{check.name.ljust(width)}  {check.found}"), sep="", markup=False
        )
        if check.advice:
            console.print(
                " " * (9 + width), printable(f"  -> {check.advice}"), sep="", markup=False
            )
    counts = {name: sum(check.status == name for check in made) for name in styles}
    console.print(f"\n{counts['problem']} problems, {counts['warning']} warnings", markup=False)
