"""`automl data`: data sets."""

import argparse
import contextlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from automl.cli import data_suspects
from automl.cli.flags import user_path
from automl.cli.output import show
from automl.errors import Fault, UsageError, closest, nearest

if TYPE_CHECKING:
    from automl.skill.base import DataReport, DataSkill, ShownData


def add(commands: Any) -> None:
    """Add the commands of this module to the parser."""
    data = commands.add_parser("data", help="data sets", description="Data sets.")
    actions = data.add_subparsers(metavar="ACTION", required=True)
    sample = _action(actions, "sample", "write a generated data set", _sample)
    sample.add_argument("folder", type=user_path, metavar="DIR", help="new or empty folder")
    sample.add_argument("--kind", metavar="KIND", help="kind of data; a wrong one names all")
    sample.add_argument("--seed", type=int, default=0, metavar="N", help="default 0")
    _add_show(actions)
    _add_split(actions)
    _add_import(actions)
    data_suspects.add(actions)


def _add_show(actions: Any) -> None:
    show = _action(actions, "show", "show counts, sizes, classes and faults of a data set", _show)
    show.add_argument("folder", type=user_path, metavar="DIR")
    show.add_argument("--html", type=user_path, metavar="FILE", help="also a page of overlays")
    show.add_argument("--strict-data", action="store_true",
                      help="exit 2 if images show the same as others")  # fmt: skip
    _add_json(show)


def _add_split(actions: Any) -> None:
    text = "hold out images for validation: writes split.json, moves nothing"
    split = _action(actions, "split", text, _split)
    split.add_argument("folder", type=user_path, metavar="DIR")
    split.add_argument("--val", type=_share, default=0.15, metavar="SHARE",
                       help="for validation, e.g. 15%% (the default) or 0.15")  # fmt: skip
    split.add_argument("--test", type=_share, default=0.0, metavar="SHARE",
                       help="share held out for testing (default 0)")  # fmt: skip
    split.add_argument("--by", choices=("group", "prefix", "file"), default="file",
                       help="keep together images of one group of dataset.json, or without groups "
                       "of one folder (group), of one name but for the number at its end "
                       "(prefix), or none (file, the default)")  # fmt: skip
    split.add_argument("--seed", type=int, default=0, metavar="N", help="default 0")
    split.add_argument("--strict-data", action="store_true",
                       help="exit 2 if images that show the same cannot stay together")  # fmt: skip
    _add_json(split)


def _add_import(actions: Any) -> None:
    text = "convert a data set of another layout, linking files if possible"
    parser = _action(actions, "import", text, _import)
    parser.add_argument("kind", metavar="KIND", help="auto, or e.g. coco; a wrong one names all")
    parser.add_argument("source", type=user_path, metavar="SRC")
    parser.add_argument("target", type=user_path, metavar="DST", help="new or empty folder")
    _add_json(parser)


def _action(actions: Any, name: str, text: str, command: Any) -> argparse.ArgumentParser:
    description = f"{text[0].upper()}{text[1:]}."
    parser: argparse.ArgumentParser = actions.add_parser(name, help=text, description=description)
    parser.set_defaults(command=command)
    parser.add_argument("--skill", help="installed skill; optional if just one is installed")
    return parser


def _add_json(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--json", action="store_true", help="print one JSON object on stdout and nothing else"
    )


def _share(text: str) -> float:
    """Read 15% or 0.15."""
    number = text.removesuffix("%")
    try:
        share = float(number) / (100 if text.endswith("%") else 1)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a share; give 15% or 0.15") from None
    if not 0 <= share < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a share below 1; give 15% or 0.15")
    return share


def _sample(arguments: argparse.Namespace) -> int:
    from automl.files import check_new_folder
    from automl.skill.failures import faults_of_the_user
    from automl.skill.installed import load_skill, only_skill

    folder: Path = arguments.folder
    check_new_folder(folder, "DIR")
    name = arguments.skill or only_skill()
    with faults_of_the_user():
        load_skill(name).sample(folder, seed=arguments.seed, kind=arguments.kind)
    show(f"{folder}: a generated data set; next: automl run --skill {name} --data {folder}")
    return 0


def _show(arguments: argparse.Namespace) -> int:
    from automl.progress.watch import data_progress

    _check_folder(arguments.folder, "DIR")
    if arguments.html is not None and arguments.html.is_dir():
        raise UsageError(f"--html: {arguments.html} is a folder; give the name of a file")
    skill = _skill(arguments)
    named = _faults_of(DIR=arguments.folder)
    with named, data_progress(is_shown=not arguments.json) as progress:
        report = skill.show_data(arguments.folder, html=arguments.html, progress=progress)
    if report.faults:
        _fail(report, arguments, _unusable(report.faults, arguments))
    if arguments.strict_data:
        _refuse_leaks(report, arguments)
    return _print(report, arguments)


def _unusable(faults: Sequence[str], arguments: argparse.Namespace) -> UsageError:
    """Return the error of data with faults, which a program gets one by one."""
    from automl.formats import counted

    place = str(arguments.folder)
    text = f"{place}: has {counted(len(faults), 'fault')}, listed above"
    lines = faults if arguments.json else [text]
    return UsageError(*(Fault(line, key="DIR", value=place) for line in lines), kind="bad_data")


def _fail(report: "ShownData", arguments: argparse.Namespace, error: UsageError) -> NoReturn:
    """Print the report and fail."""
    from automl.cli.output import CommandFailed

    if not arguments.json:
        show(report.text())
    raise CommandFailed(error, report.to_dict()) from error


def _check_folder(folder: Path, name: str) -> None:
    """Raise `UsageError` in the user's own words; a skill would name the key of its spec."""
    if ":/" in str(folder) or folder.exists():
        return
    names = [path.name for path in folder.parent.glob("*/")]
    text = f"{folder}: there is no such folder{nearest(folder.name, names)}"
    value, near = str(folder), closest(folder.name, names)
    raise UsageError(Fault(text, key=name, value=value, nearest=near))


@contextlib.contextmanager
def _faults_of(**places: Path) -> Iterator[None]:
    """Turn a skill's faults into `UsageError`; those of a place name its argument."""
    from automl.skill.failures import faults_of_the_user

    try:
        with faults_of_the_user():
            yield
    except UsageError as error:
        faults = (_of_place(fault, places) for fault in error.faults)
        raise UsageError(*faults, kind=error.error_kind) from error


def _of_place(fault: Fault, places: Mapping[str, Path]) -> Fault:
    for name, place in places.items():
        if fault.startswith((f"{place}: ", f"{place}/")):
            return fault.with_text(fault, key=name, value=str(place))
    return fault


def _refuse_leaks(report: "ShownData", arguments: argparse.Namespace) -> None:
    """Print the report and fail if images show the same as others."""
    from automl.plan.checks import check_no_leaks

    try:
        check_no_leaks({"leaks": "; ".join(report.leak_lines)}, arguments.skill or "")
    except UsageError as error:
        _fail(report, arguments, error)


def _split(arguments: argparse.Namespace) -> int:
    from automl.progress.watch import data_progress

    _check_folder(arguments.folder, "DIR")
    skill = _skill(arguments)
    named = _faults_of(DIR=arguments.folder)
    with named, data_progress(is_shown=not arguments.json) as progress:
        report = skill.split_data(
            arguments.folder, val=arguments.val, test=arguments.test, by=arguments.by,
            seed=arguments.seed, is_strict=arguments.strict_data, progress=progress,
        )  # fmt: skip
    return _print(report, arguments)


def _import(arguments: argparse.Namespace) -> int:
    from automl.files import check_new_folder
    from automl.progress.watch import data_progress

    _check_folder(arguments.source, "SRC")
    check_new_folder(arguments.target, "DST")
    skill = _skill(arguments)
    named = _faults_of(SRC=arguments.source, DST=arguments.target)
    with named, data_progress(is_shown=not arguments.json) as progress:
        report = skill.import_data(
            arguments.kind, arguments.source, arguments.target, progress=progress
        )
    return _print(report, arguments)


def _skill(arguments: argparse.Namespace) -> "DataSkill":
    from automl.skill.installed import load_skill, only_skill

    return load_skill(arguments.skill or only_skill()).data


def _print(report: "DataReport", arguments: argparse.Namespace) -> int:
    from automl.files import json_text

    if arguments.json:
        print(json_text(report.to_dict()))
    else:
        show(report.text())
    return 0
