"""Commands on an existing experiment: resume, status, stop, explain, importance, report, ui."""

import argparse
from pathlib import Path
from typing import Any

from automl.cli.output import add_experiment, add_output, print_experiment, say, show
from automl.cli.run import drive_experiment
from automl.errors import Fault, UsageError
from automl.experiment.paths import experiment_folder
from automl.formats import table


def add(commands: Any) -> None:
    """Add the commands of this module to the parser."""
    for name, command, text in (
        ("resume", _resume, "resume an interrupted experiment"),
        ("status", _status, "show the state of an experiment"),
    ):
        parser = commands.add_parser(name, help=text, description=text.capitalize() + ".")
        parser.set_defaults(command=command)
        add_experiment(parser)
        add_output(parser, has_progress=name == "resume")
        if name == "resume":
            parser.add_argument(
                "--address",
                metavar="ADDRESS",
                help="resume on another Ray cluster; none: on this machine",
            )
        else:
            parser.add_argument(
                "--watch",
                action="store_true",
                help="update until it ends or Ctrl-C; with --json a line after each change",
            )
    stop = commands.add_parser(
        "stop",
        help="stop a running experiment, which can be resumed",
        description="Stop a running experiment, which can be resumed.",
    )
    stop.set_defaults(command=_stop)
    add_experiment(stop)
    add_output(stop, has_progress=False)
    explain = commands.add_parser(
        "explain",
        help="explain why trials ended, which parameters mattered, and what to try next",
        description="Explain why trials ended, which parameters mattered, and what to try next.",
    )
    explain.set_defaults(command=_explain)
    add_experiment(explain)
    explain.add_argument("--trial", type=int, metavar="N", help="explain only this trial")
    add_output(explain, has_progress=False)
    study = commands.add_parser(
        "export-study",
        help="write the trials as a study of Optuna",
        description="Write the trials as a study of Optuna, which optuna-dashboard opens.",
    )
    study.set_defaults(command=_export_study)
    add_experiment(study)
    study.add_argument("file", type=Path, metavar="FILE", help="new SQLite file, e.g. optuna.db")
    add_output(study, has_progress=False)
    importance = commands.add_parser(
        "importance",
        help="show which parameters mattered",
        description="Show which parameters mattered.",
    )
    importance.set_defaults(command=_importance)
    add_experiment(importance)
    importance.add_argument("--method", default="fanova", help="fanova (default) or ped-anova")
    add_output(importance, has_progress=False)
    page = commands.add_parser(
        "report",
        help="write report.html, a page about the whole experiment",
        description="Write report.html into the experiment's folder; it opens without a network.",
    )
    page.set_defaults(command=_report)
    add_experiment(page)
    add_output(page, has_progress=False)
    ui = commands.add_parser(
        "ui", help="open the MLflow UI", description="Serve the MLflow UI on loopback."
    )
    ui.set_defaults(command=_ui)
    ui.add_argument(
        "folder", type=Path, nargs="?", default=Path("runs"), help="runs folder or an experiment"
    )
    ui.add_argument("--port", type=int, help="default: a free one")
    ui.add_argument("--no-browser", action="store_true", help="only print the address")


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
        watch(root, is_json=arguments.json)
        return 0
    experiment = Experiment.load(root)
    if not arguments.json and experiment.state != "finished":
        print_view(root)
        print()
    print_experiment(experiment, is_json=arguments.json)
    return 0


def _stop(arguments: argparse.Namespace) -> int:
    from automl.experiment.experiment import Experiment
    from automl.jobs.cancel import cancel_job

    root = experiment_folder(arguments.experiment).resolve()
    if Experiment.load(root).state != "running":
        raise UsageError(
            Fault(f"{arguments.experiment}: is not running", key="EXPERIMENT",
                  value=arguments.experiment, next=f"automl status {arguments.experiment}")
        )  # fmt: skip
    cancel_job(root.name, root=root.parent)
    print_experiment(Experiment.load(arguments.experiment), is_json=arguments.json)
    return 0


def _explain(arguments: argparse.Namespace) -> int:
    from automl.experiment.experiment import Experiment, space_of
    from automl.files import json_text
    from automl.report.explanation import explanation

    experiment = Experiment.load(arguments.experiment)
    space = space_of(experiment.paths, experiment.settings)
    explained = explanation(experiment, space, trial=arguments.trial)
    if arguments.json:
        print(json_text(explained.to_dict()))
    else:
        show(explained.text())
    return 0


def _export_study(arguments: argparse.Namespace) -> int:
    from automl.experiment.experiment import Experiment, space_of
    from automl.files import json_text
    from automl.report.study import export_study

    experiment = Experiment.load(arguments.experiment)
    space = space_of(experiment.paths, experiment.settings)
    name = export_study(experiment, space, arguments.file)
    if arguments.json:
        print(json_text({"file": str(arguments.file), "study": name}))
    else:
        show(
            f"{arguments.file}: study {name}; open it: optuna-dashboard sqlite:///{arguments.file}"
        )
    return 0


def _importance(arguments: argparse.Namespace) -> int:
    from automl.experiment.experiment import Experiment, space_of
    from automl.files import json_text
    from automl.report.importance import importance

    experiment = Experiment.load(arguments.experiment)
    space = space_of(experiment.paths, experiment.settings)
    shares = importance(experiment, space, method=arguments.method)
    if arguments.json:
        print(json_text({"method": arguments.method, "importance": shares}))
    else:
        show("\n".join(table([(key, f"{share:6.1%}") for key, share in shares.items()])))
    return 0


def _report(arguments: argparse.Namespace) -> int:
    from automl.experiment.experiment import Experiment, space_of
    from automl.files import json_text
    from automl.report import write_report

    experiment = Experiment.load(arguments.experiment)
    path = write_report(experiment, space_of(experiment.paths, experiment.settings))
    if arguments.json:
        print(json_text({"report": str(path)}))
    else:
        show(path)
    return 0


def _ui(arguments: argparse.Namespace) -> int:
    from automl.tracking.ui import serve

    folder: Path = arguments.folder
    # A name in runs/ serves too.
    folder = folder if folder.exists() else experiment_folder(folder)
    return serve(folder, port=arguments.port, opens_browser=not arguments.no_browser)
