"""`automl skill`: skills, their schemas and templates."""

import argparse
from pathlib import Path
from typing import Any

from automl.cli.output import add_output


def add(commands: Any) -> None:
    """Add the commands of this module to the parser."""
    skill = commands.add_parser("skill", help="installed skills", description="Installed skills.")
    actions = skill.add_subparsers(metavar="ACTION", required=True)
    listing = actions.add_parser(
        "list", help="name the installed skills", description="Name the installed skills."
    )
    listing.set_defaults(command=_list)
    add_output(listing, has_progress=False)
    generate = actions.add_parser(
        "generate",
        help="write schemas and templates from the spec classes",
        description="Write a skill's schemas, templates, manifest and skill_info.yaml.",
    )
    generate.set_defaults(command=_generate)
    generate.add_argument("name", help="installed skill")
    generate.add_argument("--out", type=Path, metavar="DIR", help="default: the skill's own folder")


def _list(arguments: argparse.Namespace) -> int:
    from automl.policy import listed_skills
    from automl.store import json_text

    skills = listed_skills()
    if arguments.json:
        print(json_text({"skills": skills}))
        return 0
    for skill in skills:
        print(f"{skill['skill']}: {skill['description'] or skill['problem']}")
        print(f"  actions: {', '.join(skill['actions']) or 'none'}")
        print(f"  train goes to: {skill['route']['way']} ({skill['route']['reason']})")
        print(f"  folder: {skill['folder']}")
    if not skills:
        print("none is installed; a skill's folder can be given by its path: --skill DIR")
    return 0


def _generate(arguments: argparse.Namespace) -> int:
    from automl.skill import load_skill

    skill = load_skill(arguments.name)
    for path in skill.generate(arguments.out or skill.folder):
        print(path)
    return 0
