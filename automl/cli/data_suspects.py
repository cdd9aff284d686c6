"""`automl data suspects`: masks that are probably wrong, and images to label next."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from automl.cli.flags import user_path
from automl.cli.output import show

if TYPE_CHECKING:
    from automl.skill.base import DataReport

_SHORT = 5
"""Without --epochs a fold trains for this part of the experiment's epochs."""


def add(actions: Any) -> None:
    """Add the command to those on data."""
    text = "rank masks by how confidently models that have not seen them disagree"
    parser = actions.add_parser(
        "suspects", help=text, description=f"{text[0].upper()}{text[1:]}. Without --folds: the "
        "best trial's model on validation and test.",
    )  # fmt: skip
    parser.set_defaults(command=_suspects)
    parser.add_argument("experiment", help="folder of the experiment, or its name in runs/")
    parser.add_argument(
        "--folds", type=int, metavar="K",
        help="rank the training masks by K trainings, each without a part of them",
    )  # fmt: skip
    parser.add_argument(
        "--epochs", type=int, metavar="N",
        help="epochs of each of them (default: a fifth of the experiment's)",
    )  # fmt: skip
    parser.add_argument("--queue", nargs=2, metavar=("N", "DIR"),
                        help="instead choose N images of a folder to label next")  # fmt: skip
    parser.add_argument("--out", type=user_path, metavar="DIR",
                        help="folder of the results (default EXPERIMENT/suspects)")  # fmt: skip
    parser.add_argument(
        "--json", action="store_true", help="print one JSON object on stdout and nothing else"
    )


def _suspects(arguments: argparse.Namespace) -> int:
    from automl.errors import UsageError
    from automl.experiment.experiment import Experiment
    from automl.files import json_text
    from automl.progress.watch import data_progress
    from automl.skill.failures import faults_of_the_user

    if arguments.epochs is not None and not arguments.folds:
        raise UsageError("--epochs: has an effect with --folds alone")
    if arguments.queue and arguments.folds:
        raise UsageError("--queue and --folds: give one of them")
    for flag, value in (("--folds", arguments.folds), ("--epochs", arguments.epochs)):
        if value is not None and value < (2 if flag == "--folds" else 1):
            raise UsageError(f"{flag}: {value} is too few")
    experiment = Experiment.load(arguments.experiment)
    with faults_of_the_user(), data_progress(is_shown=not arguments.json) as progress:
        report = _report(experiment, arguments, progress)
    if arguments.json:
        print(json_text(report.to_dict()))
    else:
        show(report.text())
    return 0


def _report(experiment: Any, arguments: argparse.Namespace, progress: Any) -> "DataReport":
    from automl.errors import UsageError
    from automl.skill.installed import load_skill

    root, best = experiment.paths.root, experiment.best
    if best is None:
        raise UsageError(f"{root}: no trial has a value; resume it first: automl resume {root}")
    skill = load_skill(experiment.settings.skill)
    spec, out = experiment.spec_of(best), arguments.out or experiment.paths.suspects
    if arguments.folds:
        epochs = arguments.epochs or max(1, experiment.settings.budget.epochs // _SHORT)
        return skill.doctor.suspects(
            spec, out, folds=arguments.folds, epochs=epochs, progress=progress
        )
    model = experiment.paths.trial(best.number) / skill.info.checkpoints["best"]
    if not model.exists():
        raise UsageError(f"{model}: the best trial's checkpoint is gone; use --folds")
    if arguments.queue:
        number, images = arguments.queue
        if not number.isdigit() or not int(number):
            raise UsageError(f"--queue: {number!r} is not a number of images")
        return skill.doctor.label_queue(
            spec, Path(images), out, model=model, count=int(number), progress=progress
        )
    return skill.doctor.suspects(spec, out, model=model, progress=progress)
