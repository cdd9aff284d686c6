"""Output shared by commands: its flags, lines of progress, and an experiment as text or JSON."""

import argparse
import json
import sys
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from automl.experiment.experiment import Experiment


def add_output(parser: argparse.ArgumentParser, *, has_progress: bool = True) -> None:
    """Add --json, and --quiet for commands with progress."""
    text = "print one JSON object on stdout and nothing else"
    if has_progress:
        text += "; progress as JSON lines on stderr"
    parser.add_argument("--json", action="store_true", help=text)
    if has_progress:
        parser.add_argument("--quiet", action="store_true", help="no progress on stderr")


def say(text: str, arguments: argparse.Namespace, *, is_forced: bool = False) -> None:
    """Print a line of progress on stderr, as JSON with --json.

    With `is_forced` also with --quiet.
    """
    if arguments.quiet and not is_forced:
        return
    if arguments.json:
        event = {"time": round(time.time(), 3), "what": "said", "trial": None, "text": text}
        text = json.dumps(event, ensure_ascii=False)
    print(text, file=sys.stderr, flush=True)


def print_experiment(experiment: "Experiment", *, is_json: bool) -> None:
    """Print an experiment on stdout."""
    if is_json:
        from automl.files import json_text

        print(json_text(experiment.to_dict()))
    else:
        from automl.report import summary

        print(summary(experiment))
