"""`automl add` and `automl stop --trial`: what a person asks of a running search."""

import argparse
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

from automl.cli.output import add_experiment, add_output, show

if TYPE_CHECKING:
    from automl.experiment.experiment import Experiment
    from automl.experiment.requests import HandRequest


def add(commands: Any) -> None:
    """Add the commands of this module to the parser."""
    parser = commands.add_parser(
        "add",
        help="add a trial to a search by hand",
        description="Add a trial with values of your own to a search, beyond its --trials. It is "
        "started as soon as a worker is free, paused and stopped as any other, and the search "
        "learns from it.",
    )
    parser.set_defaults(command=_add)
    add_experiment(parser)
    parser.add_argument(
        "values", nargs="*", metavar="key=value",
        help="values of searched parameters; short names do, such as lr=0.001",
    )  # fmt: skip
    parser.add_argument(
        "--like", type=int, metavar="N",
        help="take the other values from trial N; default: the defaults",
    )  # fmt: skip
    add_output(parser, has_progress=False)


def _add(arguments: argparse.Namespace) -> int:
    from automl.experiment.by_hand import values_to_add
    from automl.experiment.experiment import Experiment
    from automl.experiment.requests import ask_to_add
    from automl.schema.spec import parse_assignments

    experiment = Experiment.load(arguments.experiment)
    space = experiment.space()
    given = parse_assignments(arguments.values)
    values = values_to_add(experiment, space, given, like=arguments.like)
    text = "a trial is added, and starts when a worker is free"
    return _print(arguments, experiment, ask_to_add(experiment.paths, values), text)


def stop_trial(arguments: argparse.Namespace, root: Path) -> int:
    """Ask the driver of an experiment to stop one trial."""
    from automl.experiment.by_hand import check_stop
    from automl.experiment.experiment import Experiment
    from automl.experiment.requests import ask_to_stop

    experiment = Experiment.load(root)
    check_stop(experiment, arguments.trial)
    text = f"trial {arguments.trial:04d} is stopped when its epoch ends"
    return _print(arguments, experiment, ask_to_stop(experiment.paths, arguments.trial), text)


def _print(
    arguments: argparse.Namespace, experiment: "Experiment", request: "HandRequest", text: str
) -> int:
    """Print the request, and when it is carried out."""
    from automl.files import json_text

    is_running = experiment.state == "running"
    resume = f"automl resume {shlex.quote(str(arguments.experiment))}"
    if arguments.json:
        waits = None if is_running else resume
        print(json_text({"experiment": str(experiment.paths.root), **request.to_dict(),
                         "state": experiment.state, "waits_for": waits}))  # fmt: skip
    else:
        show(text if is_running else f"kept for the resume: {resume}")
    return 0
