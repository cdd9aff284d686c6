"""`automl init`: a commented experiment file to begin with."""

import argparse
from pathlib import Path
from typing import Any

from automl.cli.flags import user_path
from automl.cli.output import show
from automl.errors import UsageError


def add(commands: Any) -> None:
    """Add the command to the parser."""
    text = "write a commented experiment file"
    parser = commands.add_parser("init", help=text, description=text.capitalize() + ".")
    parser.set_defaults(command=_init)
    parser.add_argument(
        "--skill", help="installed skill or folder; default: the only one installed"
    )
    parser.add_argument(
        "file", type=user_path, nargs="?", default=Path("experiment.yaml"), metavar="FILE",
        help="new file (default experiment.yaml)",
    )  # fmt: skip


def _init(arguments: argparse.Namespace) -> int:
    from automl.files import check_place, write_atomic
    from automl.request.experiment_file import SUFFIXES
    from automl.request.template import experiment_template
    from automl.skill.installed import only_skill

    path: Path = arguments.file
    if path.suffix not in SUFFIXES:
        raise UsageError(f"{path}: an experiment file ends in {' or '.join(SUFFIXES)}")
    if path.exists():
        raise UsageError(f"{path}: already exists; choose another name")
    check_place(path, "FILE")
    write_atomic(path, experiment_template(arguments.skill or only_skill()))
    show(f"{path}: an experiment file; next: automl run {path} --data DIR")
    return 0
