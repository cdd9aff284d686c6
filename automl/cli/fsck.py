"""`automl fsck`: says which files of an experiment are harmed, and mends what can be mended."""

import argparse
from typing import Any

from automl.cli.output import add_experiment, add_output, say, show


def add(commands: Any) -> None:
    """Add the command to the parser."""
    text = "say which files of an experiment are harmed; exit 1 if any is"
    parser = commands.add_parser("fsck", help=text, description=f"{text.capitalize()}.")
    parser.set_defaults(command=_fsck)
    add_experiment(parser)
    parser.add_argument(
        "--rebuild", action="store_true",
        help="make the files again that follow from the journal; the journal stays as it is",
    )  # fmt: skip
    parser.add_argument(
        "--accept", action="store_true",
        help="accept settings.yaml, space.yaml and the files beside them as they are now",
    )  # fmt: skip
    parser.add_argument(
        "--cut", action="store_true",
        help="drop the journal's lines from the first harmed one on, and keep a copy of it; a "
        "resume trains the rest again",
    )  # fmt: skip
    add_output(parser, has_progress=False)


def _fsck(arguments: argparse.Namespace) -> int:
    from automl.experiment.paths import experiment_folder
    from automl.files import json_text
    from automl.session import fsck

    root = experiment_folder(arguments.experiment)
    if arguments.accept:
        fsck.accept(root)
    kept = fsck.cut(root) if arguments.cut else None
    if kept is not None:
        say(f"the journal was cut; the whole one is {kept}", arguments)
    found = fsck.findings(root)
    if arguments.rebuild and all(finding.is_derived for finding in found):
        fsck.rebuild(root)
        for finding in found:
            say(f"{finding.file}: rebuilt", arguments)
        found = fsck.findings(root)
    if arguments.json:
        lines = [finding.to_dict() for finding in found]
        print(json_text({"experiment": str(root), "is_sound": not found, "findings": lines}))
    else:
        show("\n".join(finding.text() for finding in found) or f"{root}: nothing is harmed")
    return 1 if found else 0
