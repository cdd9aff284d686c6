"""The command line: parses, calls, prints. Commands import what they need when they run."""

import argparse
import sys
from collections.abc import Callable, Sequence

from automl.cli import (
    completion,
    data,
    doctor,
    experiment,
    init,
    job,
    predict,
    promote,
    reproduce,
    run,
    skill,
)
from automl.errors import AutomlError
from automl.redact import redacted
from automl.version import __version__


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code.

    0 done, 1 failed, 2 usage, 3 trained directly instead of searching, 75 resumable, 130 Ctrl-C.
    """
    arguments = _arguments(argv)
    command: Callable[[argparse.Namespace], int] = arguments.command
    try:
        return command(arguments)
    except AutomlError as error:
        for fault in error.faults:
            print(f"automl: {redacted(fault)}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print("automl: interrupted", file=sys.stderr)
        return 130


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    """Parse; argparse leaves over the settings that follow an option."""
    commands = parser()
    completion.answer_shell(commands)
    arguments, rest = commands.parse_known_args(argv)
    unknown = [word for word in rest if word.startswith("-") or "overrides" not in arguments]
    if unknown:
        commands.error(f"unrecognized arguments: {' '.join(unknown)}")
    if rest:
        arguments.overrides += rest
    return arguments


def parser() -> argparse.ArgumentParser:
    """Return the parser of all commands."""
    whole = argparse.ArgumentParser(
        prog="automl", description="Search a skill's hyperparameters and promote the best model."
    )
    whole.add_argument("--version", action="version", version=f"automl {__version__}")
    commands = whole.add_subparsers(metavar="COMMAND", required=True)
    run.add(commands)
    init.add(commands)
    experiment.add(commands)
    job.add(commands)
    data.add(commands)
    skill.add(commands)
    promote.add(commands)
    predict.add(commands)
    reproduce.add(commands)
    doctor.add(commands)
    completion.add(commands)
    return whole
