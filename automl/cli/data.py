"""`automl data`: data sets."""

import argparse
from pathlib import Path
from typing import Any

from automl.errors import UsageError


def add(commands: Any) -> None:
    """Add the commands of this module to the parser."""
    data = commands.add_parser("data", help="data sets", description="Data sets.")
    actions = data.add_subparsers(metavar="ACTION", required=True)
    sample = actions.add_parser(
        "sample", help="write a generated data set", description="Write a generated data set."
    )
    sample.set_defaults(command=_sample)
    sample.add_argument("folder", type=Path, metavar="DIR", help="new or empty folder")
    sample.add_argument("--skill", help="installed skill; optional if just one is installed")
    sample.add_argument("--seed", type=int, default=0, metavar="N", help="default 0")


def _sample(arguments: argparse.Namespace) -> int:
    from automl.skill.failures import faults_of_the_user
    from automl.skill.installed import load_skill, only_skill

    folder: Path = arguments.folder
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UsageError(f"{folder}: is not empty; choose a new folder")
    name = arguments.skill or only_skill()
    with faults_of_the_user():
        load_skill(name).sample(folder, seed=arguments.seed)
    print(f"{folder}: a generated data set; next: automl run --skill {name} --data {folder}")
    return 0
