"""`automl skill`: skills, their schemas and templates."""

import argparse
from dataclasses import asdict
from pathlib import Path
from typing import Any

from automl.cli.flags import SPACE, add_flags, space_flags, user_path
from automl.cli.output import add_output, show
from automl.errors import UsageError, not_allowed


def add(commands: Any) -> None:
    """Add the commands of this module to the parser."""
    skill = commands.add_parser("skill", help="installed skills", description="Installed skills.")
    actions = skill.add_subparsers(metavar="ACTION", required=True)
    listing = actions.add_parser(
        "list", help="list the installed skills", description="List the installed skills."
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
    _add_space_commands(actions)
    generate.add_argument(
        "--out", type=user_path, metavar="DIR", help="default: the skill's own folder"
    )


def _add_space_commands(actions: Any) -> None:
    show = actions.add_parser(
        "show",
        help="show the search space, and why each parameter is in it",
        description="Show the search space, and why each parameter is in it.",
    )
    show.set_defaults(command=_show)
    check = actions.add_parser(
        "check",
        help="check a skill's folder",
        description="Check schemas, manifest and templates of a skill's folder, of any origin.",
    )
    check.set_defaults(command=_check)
    sample = actions.add_parser(
        "sample",
        help="sample suggestions from the search space",
        description="Print suggestions as JSON lines.",
    )
    sample.set_defaults(command=_sample)
    for parser in (show, check, sample):
        parser.add_argument("skill", help="installed skill, or a folder")
    for parser in (show, check):
        add_output(parser, has_progress=False)
    for parser in (show, sample):
        add_flags(parser, SPACE)
    sample.add_argument("--n", type=int, default=1000, metavar="N", help="how many (default 1000)")
    sample.add_argument("--seed", type=int, default=0, metavar="N", help="default 0")
    sample.add_argument(
        "--searcher", metavar="NAME", help="sample with this algorithm, given random results "
        "(default: at random)",
    )  # fmt: skip


def _show(arguments: argparse.Namespace) -> int:
    from automl.files import json_text
    from automl.request.space import space_of_skill
    from automl.space.describe import lines, rows, why

    described = space_of_skill(arguments.skill, space_flags(arguments))
    space, schema = described.space, described.schema
    if arguments.json:
        parameters = [{**row, "why": why(space, row["key"])} for row in rows(space, schema)]
        print(json_text({"skill": described.skill, "parameters": parameters}))
    else:
        settings = {key: named.settings for key, named in described.choice.named.items()}
        show("\n".join(lines(space, schema, settings)))
    return 0


def _check(arguments: argparse.Namespace) -> int:
    from automl.files import json_text
    from automl.skill.check import check_folder
    from automl.skill.installed import folder_of_skill
    from automl.space.describe import lines, rows

    checked = check_folder(folder_of_skill(arguments.skill))
    if arguments.json:
        space, schema = checked.space, checked.schema
        parameters = rows(space, schema) if space and schema else []
        problems = [asdict(problem) for problem in checked.problems]
        print(json_text({
            "skill": checked.skill, "ok": checked.is_ok, "problems": problems,
            "parameters": parameters,
        }))  # fmt: skip
        return 0 if checked.is_ok else 1
    for problem in checked.problems:
        show(f"{'warning' if problem.is_warning else 'problem'}: {problem}")
    if checked.schema and checked.space:
        show(f"AutoML would search {len(rows(checked.space, checked.schema))} parameters:")
        show("\n".join(lines(checked.space, checked.schema)))
    faults = [problem for problem in checked.problems if not problem.is_warning]
    warnings = len(checked.problems) - len(faults)
    show(f"{checked.skill}: {len(faults) or 'no'} problems, {warnings or 'no'} warnings")
    return 0 if checked.is_ok else 1


def _sample(arguments: argparse.Namespace) -> int:
    from automl.files import json_text
    from automl.request.space import space_of_skill
    from automl.search.preview import drawn_by_searcher, drawn_by_space

    if arguments.n < 1:
        raise UsageError(not_allowed("--n", arguments.n, "1 or more"))
    space = space_of_skill(arguments.skill, space_flags(arguments)).space
    if arguments.searcher is None:
        suggestions = drawn_by_space(space, arguments.n, seed=arguments.seed)
    else:
        suggestions = drawn_by_searcher(space, arguments.searcher, arguments.n, seed=arguments.seed)
    for values in suggestions:
        print(json_text(values))
    return 0


def _list(arguments: argparse.Namespace) -> int:
    from automl.files import json_text
    from automl.skill.route import listed_skills

    skills = listed_skills()
    if arguments.json:
        print(json_text({"skills": skills}))
        return 0
    for skill in skills:
        show(f"{skill['skill']}: {skill['description'] or skill['problem']}")
        show(f"  actions: {', '.join(skill['actions']) or 'none'}")
        show(f"  train goes to: {skill['route']['way']} ({skill['route']['reason']})")
        show(f"  folder: {skill['folder']}")
    if not skills:
        show("no skill is installed; a folder can be given by its path: --skill DIR")
    return 0


def _generate(arguments: argparse.Namespace) -> int:
    from automl.files import check_place
    from automl.skill.installed import load_skill

    skill = load_skill(arguments.name)
    folder: Path = arguments.out or skill.folder
    check_place(folder / "schemas", "--out")
    for path in skill.generate(folder):
        show(path)
    return 0
