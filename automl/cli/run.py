"""`automl run` and `automl resume`: drive an experiment."""

import argparse
import contextlib
import sys
from pathlib import Path
from typing import Any

from automl.cli.flags import add_flags, said_by_flags
from automl.cli.output import add_output, print_experiment
from automl.errors import EXIT_DIRECT_INSTEAD


def add(commands: Any) -> None:
    """Add the commands of this module to the parser."""
    run = commands.add_parser(
        "run", help="search, track and promote", description="Search, track and promote."
    )
    run.set_defaults(command=_run)
    add_flags(run)
    run.add_argument(
        "overrides", nargs="*", metavar="FILE.yaml|key=value",
        help="an experiment file; settings of the spec, keys of the file",
    )  # fmt: skip
    add_output(run)


def _run(arguments: argparse.Namespace) -> int:
    from automl.request import prepare
    from automl.request_from_keys import request_from_keys, said_in_words

    file, said = said_in_words(arguments.overrides, said_by_flags(arguments))
    request = request_from_keys(said, file=file, command=tuple(sys.argv))
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
