"""Commands on an existing experiment: resume, status, stop, explain, importance, report, ui."""

import argparse
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from automl.cli.by_hand import stop_trial
from automl.cli.flags import user_path
from automl.cli.output import add_experiment, add_output, print_experiment, say, show
from automl.cli.run import drive_experiment
from automl.errors import Fault, UsageError
from automl.experiment.paths import experiment_folder
from automl.formats import table

if TYPE_CHECKING:
    from automl.experiment.experiment import Experiment
    from automl.space.space import SearchSpace

Command = Callable[[argparse.Namespace], int]

_UNTIL_RECORDED_S = 20.0
"""Until the job of a search that has just begun is recorded."""


def add(commands: Any) -> None:
    """Add the commands of this module to the parser."""
    resume = _parser(commands, "resume", _resume, "resume an interrupted experiment")
    resume.add_argument(
        "--address", metavar="ADDRESS", help="resume on another Ray cluster; none: on this machine"
    )
    status = _parser(commands, "status", _status, "show the state of an experiment")
    status.add_argument(
        "--watch",
        action="store_true",
        help="update until it ends or Ctrl-C; with --json a line after each change",
    )
    stop = _parser(commands, "stop", _stop, "stop a running experiment, which can be resumed")
    stop.add_argument(
        "--trial", type=int, metavar="N",
        help="stop only this trial, for good, at the end of its epoch; the search continues",
    )  # fmt: skip
    explain = _parser(
        commands,
        "explain",
        _explain,
        "explain why trials ended, which parameters mattered, and what to try next",
    )
    explain.add_argument("--trial", type=int, metavar="N", help="explain only this trial")
    study = _parser(
        commands,
        "export-study",
        _export_study,
        "write the trials as a study of Optuna",
        "Write the trials as a study of Optuna, which optuna-dashboard opens.",
    )
    study.add_argument(
        "file", type=user_path, metavar="FILE", help="new SQLite file, e.g. optuna.db"
    )
    importance = _parser(commands, "importance", _importance, "show which parameters mattered")
    importance.add_argument("--method", default="fanova", help="fanova (default) or ped-anova")
    _parser(
        commands,
        "report",
        _report,
        "write report.html, a page about the whole experiment",
        "Write report.html into the experiment's folder; it opens without a network.",
    )
    ui = commands.add_parser(
        "ui", help="open the MLflow UI", description="Serve the MLflow UI on loopback."
    )
    ui.set_defaults(command=_ui)
    ui.add_argument(
        "folder",
        type=user_path,
        nargs="?",
        default=Path("runs"),
        help="runs folder or an experiment",
    )
    ui.add_argument("--port", type=int, help="default: a free one")
    ui.add_argument("--no-browser", action="store_true", help="only print the address")


def _parser(
    commands: Any, name: str, command: Command, text: str, description: str = ""
) -> argparse.ArgumentParser:
    """Add a command on an experiment, with its flags of output, and return its parser."""
    parser: argparse.ArgumentParser = commands.add_parser(
        name, help=text, description=description or f"{text.capitalize()}."
    )
    parser.set_defaults(command=command)
    add_experiment(parser)
    add_output(parser, has_progress=name == "resume")
    return parser


def _resume(arguments: argparse.Namespace) -> int:
    root = experiment_folder(arguments.experiment)
    say(f"resuming {root}", arguments)
    if arguments.address is not None:
        from automl.session.session import change_address

        change_address(root, arguments.address)
    return drive_experiment(root, arguments)


def _status(arguments: argparse.Namespace) -> int:
    from automl.experiment.experiment import Experiment
    from automl.progress.watch import print_view, watch

    root = experiment_folder(arguments.experiment)
    if arguments.watch:
        from automl.report.importance import importance_so_far

        watch(root, importance_so_far, is_json=arguments.json)
        return 0
    experiment = Experiment.load(root) if arguments.json else print_view(root)
    print_experiment(experiment, is_json=arguments.json)
    return 0


def _stop(arguments: argparse.Namespace) -> int:
    from automl.experiment.experiment import Experiment
    from automl.jobs.cancel import cancel_job

    root = experiment_folder(arguments.experiment).resolve()
    if arguments.trial is not None:
        return stop_trial(arguments, root)
    if Experiment.load(root).state != "running":
        raise UsageError(
            Fault(f"{arguments.experiment}: is not running", key="EXPERIMENT",
                  value=arguments.experiment, next=f"automl status {arguments.experiment}")
        )  # fmt: skip
    deadline = time.monotonic() + _UNTIL_RECORDED_S
    while True:
        try:
            cancel_job(root.name, root=root.parent)
            break
        except UsageError as error:
            # A search that has just begun is no job yet.
            if error.faults[0].key != "JOB" or time.monotonic() > deadline:
                raise
            time.sleep(0.1)
    print_experiment(Experiment.load(arguments.experiment), is_json=arguments.json)
    return 0


def _explain(arguments: argparse.Namespace) -> int:
    from automl.report.explanation import explanation

    explained = explanation(*_loaded(arguments), trial=arguments.trial)
    return _print(arguments, explained.to_dict(), explained.text)


def _export_study(arguments: argparse.Namespace) -> int:
    from automl.report.study import export_study

    file = arguments.file
    name = export_study(*_loaded(arguments), file)
    text = f"{file}: study {name}; open it: optuna-dashboard sqlite:///{file}"
    return _print(arguments, {"file": str(file), "study": name}, lambda: text)


def _importance(arguments: argparse.Namespace) -> int:
    from automl.report.importance import hint, importance, importance_intervals

    loaded = _loaded(arguments)
    shares = importance(*loaded, method=arguments.method)
    intervals = importance_intervals(*loaded, method=arguments.method)
    content = {"method": arguments.method, "importance": shares, "intervals": intervals}
    rows = [(key, f"{share:6.1%}", _interval(intervals.get(key))) for key, share in shares.items()]
    lines = table([("parameter", "share", "90 % interval"), *rows])
    lines += [text] if (text := hint(loaded[0])) else []
    return _print(arguments, content, lambda: "\n".join(lines))


def _interval(ends: tuple[float, float] | None) -> str:
    return "-" if ends is None else "{:.1%} to {:.1%}".format(*ends)


def _report(arguments: argparse.Namespace) -> int:
    from automl.report.page.page import write_report

    path = write_report(*_loaded(arguments))
    return _print(arguments, {"report": str(path)}, lambda: str(path))


def _loaded(arguments: argparse.Namespace) -> "tuple[Experiment, SearchSpace]":
    from automl.experiment.experiment import Experiment

    experiment = Experiment.load(arguments.experiment)
    return experiment, experiment.space()


def _print(
    arguments: argparse.Namespace, content: Mapping[str, Any], text: Callable[[], str]
) -> int:
    """Print a result as JSON or as the text for people; return the exit code."""
    from automl.files import json_text

    if arguments.json:
        print(json_text(content))
    else:
        show(text())
    return 0


def _ui(arguments: argparse.Namespace) -> int:
    from automl.tracking.ui import serve

    folder: Path = arguments.folder
    # A name in runs/ serves too.
    folder = folder if folder.exists() else experiment_folder(folder)
    return serve(folder, port=arguments.port, opens_browser=not arguments.no_browser)
