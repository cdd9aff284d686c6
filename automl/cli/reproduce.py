"""`automl reproduce`: runs one trial again and compares its metrics with the recorded ones."""

import argparse
import contextlib
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from automl.cli.output import CommandFailed, add_experiment, add_output, say, show
from automl.errors import RunFailed, UsageError, not_allowed

if TYPE_CHECKING:
    from automl.session.reproduce import Reproduction


def add(commands: Any) -> None:
    """Add the command to the parser."""
    text = "run one trial again and compare its metrics with the recorded ones"
    parser = commands.add_parser("reproduce", help=text, description=text.capitalize() + ".")
    parser.set_defaults(command=_reproduce)
    add_experiment(parser)
    parser.add_argument("trial", type=int, help="number of the trial")
    parser.add_argument(
        "--check", action="store_true", help="exit with code 1 if a metric differs by more than X"
    )
    parser.add_argument(
        "--tolerance", type=float, metavar="X",
        help="default 0, or 0.01 on another machine or with other threads or versions",
    )  # fmt: skip
    parser.add_argument("--data", metavar="DIR", help="folder of the data now (default: as before)")
    add_output(parser)


def _reproduce(arguments: argparse.Namespace) -> int:
    from automl.experiment.experiment import Experiment
    from automl.files import json_text
    from automl.session.reproduce import Reproducer

    if arguments.tolerance is not None and not arguments.tolerance >= 0:
        raise UsageError(not_allowed("--tolerance", arguments.tolerance, "0 or more"))
    data = arguments.data
    if data is not None and "://" not in data:
        data = str(Path(data).expanduser().resolve())
    experiment = Experiment.load(arguments.experiment)
    metric = experiment.settings.objective.metric

    def watch(epoch: int, metrics: Mapping[str, float]) -> None:
        say(f"epoch {epoch} {metric} {metrics.get(metric, float('nan')):.4f}", arguments)

    # Libraries may print; stdout is kept for the result.
    with contextlib.redirect_stdout(sys.stderr):
        made = Reproducer(experiment, arguments.trial, data).run(
            tolerance=arguments.tolerance, watch=watch
        )
    has_broken = made.outcome.failure is not None and made.trial.failure is None
    if made.faults and (arguments.check or has_broken):
        first = made.faults[:10]
        more = len(made.faults) - len(first)
        error = RunFailed(
            f"trial {made.trial.number:04d} is not reproduced",
            *first,
            *([f"and {more} more"] if more else []),
        )
        if not arguments.json:
            show(_text(made))
        raise CommandFailed(error, made.to_dict())
    if arguments.json:
        print(json_text(made.to_dict()))
    else:
        show(_text(made))
    return 0


def _text(made: "Reproduction") -> str:
    figures = made.to_dict()
    lines = [f"trial {made.trial.number:04d} again: {made.folder}"]
    if made.differences:
        lines.append("different from then:")
        lines += [
            f"  {name}: {_shown(then)} then, {_shown(now)} now"
            for name, (then, now) in made.differences.items()
        ]
    else:
        lines.append("machine, device, threads, versions, commit and data are the same")
    halved = "; its batch was halved during the trial, here from the start"
    lines += [
        f"{figures['compared']} metrics compared, largest difference "
        f"{figures['largest_difference']:.3g}, allowed {made.tolerance:g}"
        + (halved if made.trial.halvings else ""),
        "not reproduced" if made.faults else "reproduced",
    ]
    return "\n".join(lines)


def _shown(value: Any) -> str:
    return "none" if value is None else str(value)
