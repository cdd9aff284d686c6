"""Output shared by commands: flags, lines of progress, an experiment or an error, text or JSON."""

import argparse
import errno
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from automl.cli.json_lines import event
from automl.errors import AutomlError, RunFailed, Stopped, UsageError, error_to_dict
from automl.redact import printable, redacted

if TYPE_CHECKING:
    from automl.experiment.experiment import Experiment


FULL = (errno.ENOSPC, errno.EDQUOT)
"""A disk or a quota that is full."""


class CommandFailed(Exception):
    """A command failed after it made something: the error, and the plain form of what it made."""

    def __init__(self, error: AutomlError, content: Mapping[str, Any]) -> None:
        super().__init__(str(error))
        self.error = error
        self.content = content


def add_output(parser: argparse.ArgumentParser, *, has_progress: bool = True) -> None:
    """Add --json, and --quiet for commands with progress."""
    text = "print one JSON object on stdout and nothing else"
    if has_progress:
        text += "; progress as JSON lines on stderr"
    parser.add_argument("--json", action="store_true", help=text)
    if has_progress:
        parser.add_argument("--quiet", action="store_true", help="no progress on stderr")


def add_experiment(parser: argparse.ArgumentParser) -> None:
    """Add the experiment that a command is about."""
    parser.add_argument("experiment", help="folder of the experiment, or its name in runs/")


def say(text: str, arguments: argparse.Namespace, *, is_forced: bool = False) -> None:
    """Print a line of progress on stderr, as JSON with --json.

    With `is_forced` also with --quiet.
    """
    if getattr(arguments, "quiet", False) and not is_forced:
        return
    shown = event("note", text) if arguments.json else printable(text)
    print(shown, file=sys.stderr, flush=True)


def show(text: object) -> None:
    """Print a text on stdout; names and messages of others are in it."""
    print(printable(text))


def print_experiment(experiment: "Experiment", *, is_json: bool) -> None:
    """Print an experiment on stdout."""
    if is_json:
        from automl.files import json_text

        print(json_text(experiment.to_dict()))
    else:
        from automl.report.summary import summary

        show(summary(experiment))


def print_promoted(experiment: "Experiment", *, is_json: bool) -> None:
    """Print an experiment; raises `CommandFailed` if conversions of its model were left out."""
    left_out = (experiment.promotion or {}).get("left_out", {})
    if not (left_out and is_json):
        print_experiment(experiment, is_json=is_json)
    if left_out:
        faults = (f"left out: {name}: {reason}" for name, reason in left_out.items())
        raise CommandFailed(RunFailed(*faults), experiment.to_dict())


def error_of_a_file(error: OSError) -> AutomlError:
    """Return the error of a file that cannot be read or written; a full disk can be mended."""
    kind = Stopped if error.errno in FULL else UsageError
    # A write that fails half way does not say of which file.
    return kind(f"{error.filename or 'what this command writes'}: {error.strerror}")


def print_error(error: AutomlError, *, is_json: bool, content: Mapping[str, Any]) -> None:
    """Print the faults on stderr, and with --json the error on stdout beside `content`."""
    for fault in error.faults:
        text = redacted(fault)
        line = event("error", text) if is_json else printable(f"automl: {text}")
        print(line, file=sys.stderr)
    if is_json:
        from automl.files import json_text

        print(redacted(json_text({**content, **error_to_dict(error)})))
