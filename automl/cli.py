"""The command line: parses, calls, prints. Commands import what they need when they run."""

import argparse
import contextlib
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from automl import __version__
from automl.errors import AutomlError, UsageError

if TYPE_CHECKING:
    from automl.experiment import Experiment


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code: 0, 1 failed, 2 usage, 75 resumable, 130 Ctrl-C."""
    arguments = _parser().parse_args(argv)
    command: Callable[[argparse.Namespace], int] = arguments.command
    try:
        return command(arguments)
    except AutomlError as error:
        for fault in error.faults:
            print(f"automl: {fault}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print("automl: interrupted", file=sys.stderr)
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="automl", description="Search a skill's hyperparameters and promote the best model."
    )
    parser.add_argument("--version", action="version", version=f"automl {__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    _add_run(commands)
    _add_experiment_commands(commands)
    _add_data(commands)
    _add_skill(commands)
    return parser


def _add_run(commands: Any) -> None:
    run = commands.add_parser(
        "run", help="search, track and promote", description="Search, track and promote."
    )
    run.set_defaults(command=_run)
    run.add_argument("--skill", help="installed skill; may be left out where there is just one")
    run.add_argument("--data", metavar="DIR", help="folder of the data set")
    run.add_argument("--trials", type=int, metavar="N", help="trials of the search (default 20)")
    run.add_argument("--epochs", type=int, metavar="N", help="epochs of a full training")
    run.add_argument("--out", type=Path, metavar="DIR", help="new folder (default runs/SKILL-TIME)")
    run.add_argument(
        "--policy", metavar="auto|off", help="off: one plain training, no search (default auto)"
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
    _add_output(run)


def _add_experiment_commands(commands: Any) -> None:
    for name, command, text in (
        ("resume", _resume, "go on with an experiment that was cut off"),
        ("status", _status, "show an experiment, from its folder alone"),
    ):
        parser = commands.add_parser(name, help=text, description=text.capitalize() + ".")
        parser.set_defaults(command=command)
        parser.add_argument("experiment", type=Path, help="folder of the experiment")
        _add_output(parser, has_progress=name == "resume")
    ui = commands.add_parser(
        "ui", help="open the MLflow UI", description="Serve the MLflow UI on loopback."
    )
    ui.set_defaults(command=_ui)
    ui.add_argument(
        "folder", type=Path, nargs="?", default=Path("runs"), help="runs folder or an experiment"
    )
    ui.add_argument("--port", type=int, help="default: a free one")
    ui.add_argument("--no-browser", action="store_true", help="only print the address")


def _add_data(commands: Any) -> None:
    data = commands.add_parser("data", help="data sets", description="Data sets.")
    actions = data.add_subparsers(metavar="ACTION", required=True)
    sample = actions.add_parser(
        "sample", help="write a generated data set", description="Write a generated data set."
    )
    sample.set_defaults(command=_sample)
    sample.add_argument("folder", type=Path, metavar="DIR", help="new or empty folder")
    sample.add_argument("--skill", help="installed skill; may be left out where there is just one")
    sample.add_argument("--seed", type=int, default=0, metavar="N", help="default 0")


def _add_skill(commands: Any) -> None:
    skill = commands.add_parser("skill", help="installed skills", description="Installed skills.")
    actions = skill.add_subparsers(metavar="ACTION", required=True)
    generate = actions.add_parser(
        "generate",
        help="write schemas and templates from the spec classes",
        description="Write a skill's schemas, templates, manifest and skill_info.yaml.",
    )
    generate.set_defaults(command=_generate)
    generate.add_argument("name", help="installed skill")
    generate.add_argument("--out", type=Path, metavar="DIR", help="default: the skill's own folder")


def _add_output(parser: argparse.ArgumentParser, *, has_progress: bool = True) -> None:
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout, no more")
    if has_progress:
        parser.add_argument("--quiet", action="store_true", help="no progress on stderr")


def _run(arguments: argparse.Namespace) -> int:
    from automl.request import Request, prepare
    from automl.settings import Resources
    from automl.skill import only_skill
    from automl.spec import parse_assignments

    overrides = parse_assignments(arguments.overrides)
    policy = _policy(arguments.policy, overrides)
    request = Request(
        skill=arguments.skill or only_skill(),
        data=arguments.data,
        trials=arguments.trials,
        epochs=arguments.epochs,
        out=arguments.out,
        policy=policy,
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
    if not arguments.quiet:
        print(prepared.announcement(), file=sys.stderr, flush=True)
    return _drive(prepared.paths.root, arguments)


def _policy(flag: str | None, overrides: dict[str, Any]) -> str:
    """Return the policy of --policy or automl_policy=..., which is taken out of `overrides`."""
    word = overrides.pop("automl_policy", None)
    # YAML reads a bare `off` as false.
    text = {True: "on", False: "off", None: None}.get(word, word)
    if flag and text and flag != text:
        raise UsageError(f"--policy {flag} and automl_policy={text} disagree; give one of them")
    return flag or text or "auto"


def _resume(arguments: argparse.Namespace) -> int:
    return _drive(arguments.experiment, arguments)


def _drive(root: Path, arguments: argparse.Namespace) -> int:
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
        _print(Experiment.load(root), is_json=arguments.json)
        raise
    except KeyboardInterrupt:
        print(f"automl: interrupted; go on with: automl resume {root}", file=sys.stderr)
        return 130
    _print(experiment, is_json=arguments.json)
    return 0


def _status(arguments: argparse.Namespace) -> int:
    from automl.experiment import Experiment

    _print(Experiment.load(arguments.experiment), is_json=arguments.json)
    return 0


def _print(experiment: "Experiment", *, is_json: bool) -> None:
    if is_json:
        from automl.store import json_text

        print(json_text(experiment.to_dict()))
    else:
        from automl.report import summary

        print(summary(experiment))


def _ui(arguments: argparse.Namespace) -> int:
    from automl.ui import serve

    return serve(arguments.folder, port=arguments.port, opens_browser=not arguments.no_browser)


def _sample(arguments: argparse.Namespace) -> int:
    from automl.skill import faults_of_the_user, load_skill, only_skill

    folder: Path = arguments.folder
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UsageError(f"{folder}: is not empty; give a new folder")
    name = arguments.skill or only_skill()
    with faults_of_the_user():
        load_skill(name).sample(folder, seed=arguments.seed)
    print(f"{folder}: a generated data set; next: automl run --skill {name} --data {folder}")
    return 0


def _generate(arguments: argparse.Namespace) -> int:
    from automl.skill import load_skill

    skill = load_skill(arguments.name)
    for path in skill.generate(arguments.out or skill.folder):
        print(path)
    return 0


def _data_progress(*, is_shown: bool) -> Any:
    from automl.progress import data_progress

    return data_progress(is_shown=is_shown)
