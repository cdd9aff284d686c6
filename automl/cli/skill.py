"""`automl skill`: skills, their schemas and templates."""

import argparse
from pathlib import Path
from typing import Any


def add(commands: Any) -> None:
    """Add the commands of this module to the parser."""
    skill = commands.add_parser("skill", help="installed skills", description="Installed skills.")
    actions = skill.add_subparsers(metavar="ACTION", required=True)
    generate = actions.add_parser(
        "generate",
        help="write schemas and templates from the spec classes",
        description="Write a skill's schemas, templates, manifest and skill_info.yaml.",
    )
    generate.set_defaults(command=_generate)
    generate.add_argument("name", help="installed skill")
    generate.add_argument("--out", type=Path, metavar="DIR", help="default: the skill's own folder")


def _generate(arguments: argparse.Namespace) -> int:
    from automl.skill import load_skill

    skill = load_skill(arguments.name)
    for path in skill.generate(arguments.out or skill.folder):
        print(path)
    return 0
