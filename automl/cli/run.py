"""`automl run` and `automl resume`: drive an experiment."""

import argparse
import contextlib
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from automl.cli.flags import add_flags, options_from_flags
from automl.cli.output import CommandFailed, add_output, print_experiment, print_promoted, say, show
from automl.errors import EXIT_DIRECT_INSTEAD, AutomlError, Fault, Interrupted, RunFailed, Stopped

if TYPE_CHECKING:
    from automl.experiment.experiment import Experiment
    from automl.plan.plan import Plan
    from automl.request.request import Request


def add(commands: Any) -> None:
    """Add the commands of this module to the parser."""
    run = commands.add_parser(
        "run", help="search, track and promote", description="Search, track and promote."
    )
    run.set_defaults(command=_run)
    add_flags(run)
    run.add_argument(
        "--dry-run", action="store_true",
        help="check the request; print spec, space, first suggestions, time and disk; start "
        "nothing",
    )  # fmt: skip
    run.add_argument(
        "overrides", nargs="*", metavar="FILE.yaml|key=value",
        help="an experiment file; settings of the spec or options of the file",
    )  # fmt: skip
    add_output(run)


def _run(arguments: argparse.Namespace) -> int:
    from automl.session.signals import signals_as_stop, signals_held

    plan = None
    try:
        with signals_as_stop():
            # First of all: the imports that follow take a second.
            say("reading the skill and the settings", arguments)
            with signals_held():
                import automl.files  # noqa: F401 - With --json it prints how the run was stopped.
            request = _request(arguments)
            plan = _plan(request, arguments)
            if arguments.dry_run:
                return _dry_run(plan, arguments)
            if request.wishes.note() is not None and not _is_confirmed(arguments):
                say("nothing was started", arguments)
                return 0
            plan.write()
            # A training instead of the search that was due is reported even with --quiet.
            say(plan.announcement(), arguments, is_forced=plan.route.is_fallback)
            return drive_experiment(plan.paths.root, arguments)
    except (Stopped, KeyboardInterrupt) as error:
        early = error if isinstance(error, Stopped) else Interrupted("interrupted")
        if plan is None or not plan.paths.exists():
            text = f"{early}; no experiment had begun: give the command again"
            raise type(early)(text) from error
        raise _failed(early, plan.paths.root, arguments) from error


def _request(arguments: argparse.Namespace) -> "Request":
    from automl.request.command_line import options_from_words
    from automl.request.request import request_from_options

    file, options = options_from_words(arguments.overrides, options_from_flags(arguments))
    request = request_from_options(options, file=file, command=tuple(sys.argv))
    for line in (request.policy_note, request.wishes.note()):
        if line is not None:
            say(line, arguments)
    return request


def _plan(request: "Request", arguments: argparse.Namespace) -> "Plan":
    from automl.plan.plan import plan_from_request

    is_bar_shown = not arguments.quiet and not arguments.json
    with _data_progress(is_shown=is_bar_shown) as progress:
        plan = plan_from_request(request, progress=progress, say=lambda text: say(text, arguments))
    for note in plan.notes:
        say(note, arguments)
    return plan


def _is_confirmed(arguments: argparse.Namespace) -> bool:
    """Ask whether the words were understood as they were meant, where somebody can answer."""
    if arguments.json or not (sys.stdin.isatty() and sys.stderr.isatty()):
        return True
    print("start it so? [Y/n] ", end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().lower() in ("", "y", "yes")


def _dry_run(plan: "Plan", arguments: argparse.Namespace) -> int:
    from automl.files import json_text
    from automl.plan.dry_run import DryRun

    dry_run = DryRun.of(plan)
    if arguments.json:
        print(json_text(dry_run.to_dict()))
    else:
        show(dry_run.text())
    return 0


def drive_experiment(root: Path, arguments: argparse.Namespace) -> int:
    """Run or resume an experiment, print it, and return the exit code."""
    from automl.session.signals import signals_as_stop

    try:
        # From here on: the session is loaded and prepared for seconds before it takes signals.
        with signals_as_stop():
            experiment = _driven(root, arguments)
    except (RunFailed, Stopped) as error:
        raise _failed(error, root, arguments) from error
    except KeyboardInterrupt as error:
        raise _failed(Interrupted("interrupted"), root, arguments) from error
    print_promoted(experiment, is_json=arguments.json)
    return EXIT_DIRECT_INSTEAD if experiment.settings.route.get("is_fallback") else 0


def _driven(root: Path, arguments: argparse.Namespace) -> "Experiment":
    from automl.progress.watch import data_progress, watching
    from automl.report.importance import importance_so_far
    from automl.session.session import drive

    # Libraries may print; stdout is kept for the result.
    with (
        contextlib.redirect_stdout(sys.stderr),
        watching(
            root, importance_so_far, is_quiet=arguments.quiet, is_json=arguments.json
        ) as watchers,
    ):
        progress = data_progress(is_shown=not (arguments.quiet or arguments.json))
        return drive(root, watchers=watchers, progress=progress)


def _failed(error: AutomlError, root: Path, arguments: argparse.Namespace) -> CommandFailed:
    """Print an experiment that ended early, as text; its plain form goes with the error."""
    from automl.experiment.experiment import Experiment
    from automl.experiment.next_step import next_step

    experiment = Experiment.load(root)
    if not arguments.json:
        print_experiment(experiment, is_json=False)
    first, *others = error.faults
    text, command = str(first), next_step(experiment)
    if isinstance(error, Stopped | Interrupted) and "automl resume" not in text:
        text += f"; resume it: {command}"
    return CommandFailed(type(error)(Fault(text, next=command), *others), experiment.to_dict())


def _data_progress(*, is_shown: bool) -> Any:
    from automl.progress.watch import data_progress

    return data_progress(is_shown=is_shown)
