"""What several commands print: flags of output, and an experiment as text or JSON."""

import argparse
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from automl.experiment import Experiment


def add_output(parser: argparse.ArgumentParser, *, has_progress: bool = True) -> None:
    """Add --json, and --quiet for commands with progress."""
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout, no more")
    if has_progress:
        parser.add_argument("--quiet", action="store_true", help="no progress on stderr")


def print_experiment(experiment: "Experiment", *, is_json: bool) -> None:
    """Print an experiment on stdout."""
    if is_json:
        from automl.store import json_text

        print(json_text(experiment.to_dict()))
    else:
        from automl.report import summary

        print(summary(experiment))
