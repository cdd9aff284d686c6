"""`automl run` and `automl resume`: drive an experiment."""

import argparse
import contextlib
import sys
from pathlib import Path
from typing import Any

from automl.cli.flags import add_search, add_space, search_flags, space_flags
from automl.cli.output import add_output, print_experiment
from automl.errors import EXIT_DIRECT_INSTEAD


def add(commands: Any) -> None:
    """Add the commands of this module to the parser."""
    run = commands.add_parser(
        "run", help="search, track and promote", description="Search, track and promote."
    )
    run.set_defaults(command=_run)
    run.add_argument("--skill", help="installed skill; may be left out where there is just one")
    run.add_argument(
        "--data", "--train-datasets", metavar="DIR", help="folder of the data set, or its URI"
    )
    add_search(run)
    add_space(run)
    run.add_argument("--out", type=Path, metavar="DIR", help="new folder (default runs/SKILL-TIME)")
    run.add_argument(
        "--policy", metavar="auto|off", help="off: one plain training, no search (default auto)"
    )
    run.add_argument(
        "--request", metavar="TEXT", help="the request in words; 'no HPO' in it is --policy off"
    )
    run.add_argument(
        "--runner",
        help="ray or local: in this process, one at a time (default ray; local with --policy off)",
    )
    run.add_argument(
        "--concurrency", type=int, metavar="N", help="trials at once (default: GPUs, else cores)"
    )
    run.add_argument("--cpus-per-trial", type=float, metavar="N", help="default: an even share")
    run.add_argument("--gpus-per-trial", type=float, metavar="N", help="default: an even share")
    run.add_argument("--seed", type=int, default=0, metavar="N", help="of the search (default 0)")
    run.add_argument("--tracker", default="mlflow", help="mlflow (default) or none")
    run.add_argument("overrides", nargs="*", metavar="key.sub=value", help="settings of the spec")
    add_output(run)


def _run(arguments: argparse.Namespace) -> int:
    from automl.request import Request, prepare
    from automl.settings import Resources
    from automl.skill import only_skill
    from automl.spec import parse_assignments

    overrides = parse_assignments(arguments.overrides)
    request = Request(
        skill=arguments.skill or only_skill(),
        data=arguments.data,
        search=search_flags(arguments),
        space=space_flags(arguments),
        out=arguments.out,
        policy=arguments.policy,
        text=arguments.request,
        seed=arguments.seed,
        overrides=overrides,
        resources=Resources(
            runner=arguments.runner,
            concurrency=arguments.concurrency,
            cpus_per_trial=arguments.cpus_per_trial,
            gpus_per_trial=arguments.gpus_per_trial,
        ),
        tracker=arguments.tracker,
    )
    with _data_progress(is_shown=not arguments.quiet) as progress:
        prepared = prepare(request, progress=progress)
    prepared.write()
    # That no search is made although one was due is no progress: it is told in any case.
    if prepared.route.is_fallback or not arguments.quiet:
        print(prepared.announcement(), file=sys.stderr, flush=True)
    return drive_experiment(prepared.paths.root, arguments)


def drive_experiment(root: Path, arguments: argparse.Namespace) -> int:
    """Run an experiment from where it stands, print it, and return the exit code."""
    from automl.errors import RunFailed, Stopped
    from automl.experiment import Experiment
    from automl.session import drive
    from automl.tracking.console import ConsoleTracker

    objective = Experiment.load(root).settings.objective
    watchers = [] if arguments.quiet else [ConsoleTracker(objective)]
    try:
        # Whatever a library prints, stdout is for the result.
        with contextlib.redirect_stdout(sys.stderr):
            experiment = drive(root, watchers=watchers)
    except (RunFailed, Stopped):
        print_experiment(Experiment.load(root), is_json=arguments.json)
        raise
    except KeyboardInterrupt:
        print(f"automl: interrupted; go on with: automl resume {root}", file=sys.stderr)
        return 130
    print_experiment(experiment, is_json=arguments.json)
    return EXIT_DIRECT_INSTEAD if experiment.settings.route.get("is_fallback") else 0


def _data_progress(*, is_shown: bool) -> Any:
    from automl.progress import data_progress

    return data_progress(is_shown=is_shown)
