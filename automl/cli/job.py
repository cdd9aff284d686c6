"""`automl job`: one run of one action each, chained by ids."""

import argparse
import contextlib
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from automl.cli.flags import user_path
from automl.cli.output import CommandFailed, add_output, say, show
from automl.errors import AutomlError, RunFailed, UsageError, disagreement, faults_named
from automl.formats import table

if TYPE_CHECKING:
    from automl.jobs.record import Job

# The names of TAO's data sets; other names of a skill's data_sources take --dataset NAME=URI.
_SOURCES = {
    "train_datasets": "training data set",
    "eval_dataset": "evaluation data set",
    "inference_dataset": "inference data set",
    "calibration_dataset": "calibration data set",
}


def add(commands: Any) -> None:
    """Add the commands of this module to the parser."""
    job = commands.add_parser("job", help="single actions, chained by ids", description="Jobs.")
    actions = job.add_subparsers(metavar="COMMAND", required=True)
    _add_run(actions)
    for name, command, text in (
        ("list", _list, "list the jobs in a folder"),
        ("show", _show, "show a job"),
        ("cancel", _cancel, "stop a running job, or mark a waiting one as canceled"),
    ):
        parser = actions.add_parser(name, help=text, description=text.capitalize() + ".")
        parser.set_defaults(command=command)
        if name == "list":
            parser.add_argument(
                "--parent", metavar="JOB", help="list only the children of this job"
            )
        else:
            parser.add_argument("job", help="id of the job, or its folder")
        _add_root(parser)
        add_output(parser, has_progress=False)


def _add_run(actions: Any) -> None:
    text = "run one action, on the model of a parent job if one is given"
    run = actions.add_parser("run", help=text, description=text.capitalize() + ".")
    run.set_defaults(command=_run)
    run.add_argument("action", metavar="ACTION", nargs="?", help="train, evaluate, export, ...")
    run.add_argument("--skill", help="installed skill or folder; default: the parent's skill, "
                     "or the only one installed")  # fmt: skip
    run.add_argument(
        "--parent", metavar="JOB", help="job or experiment whose model is used, by id or folder"
    )
    run.add_argument(
        "--from-epoch", type=int, metavar="N", help="the parent's checkpoint of epoch N"
    )
    run.add_argument(
        "--checkpoint-choose-method", metavar="METHOD",
        help="best_model (default), latest_model, or from_epoch_number with --from-epoch",
    )  # fmt: skip
    for source, text in _SOURCES.items():
        run.add_argument(f"--{source.replace('_', '-')}", metavar="URI", help=text)
    run.add_argument(
        "--dataset",
        metavar="NAME=URI",
        action="append",
        default=[],
        help="data set by the name of its source",
    )
    run.add_argument("--continue", dest="again", metavar="JOB", help="resume an interrupted job")
    _add_root(run)
    run.add_argument("overrides", nargs="*", metavar="key.sub=value", help="settings of the spec")
    add_output(run, has_progress=False)


def _add_root(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--root", type=user_path, metavar="DIR",
        help="folder of all jobs (default: that of the job or parent given by its folder, else "
        "runs)",
    )  # fmt: skip


def _run(arguments: argparse.Namespace) -> int:
    from automl.jobs.run import run_job
    from automl.jobs.store import JobStore
    from automl.session.signals import signals_as_stop

    if arguments.again and arguments.action:
        raise UsageError("--continue resumes a job as it is; leave out the action")
    again = arguments.again
    root, job_id = _place(again or arguments.parent, arguments.root)
    # Libraries may print; stdout is kept for the result.
    with contextlib.redirect_stdout(sys.stderr):
        if not again:
            job_id = _created(arguments, job_id, root).id
        say(f"job {job_id} in {root / job_id}", arguments)
        try:
            with signals_as_stop():
                job = run_job(job_id, root=root)
        except (RunFailed, UsageError) as error:
            failed = JobStore(root).get(job_id)
            if again and failed.failure is None:
                raise  # It was not started.
            raise _failed(error, failed, root, arguments) from error
    _print(job, root, arguments, is_run=True)
    return 0


def _failed(
    error: AutomlError, job: "Job", root: Path, arguments: argparse.Namespace
) -> CommandFailed:
    """Print a failed job as text; its plain form goes with the error. A job exists: exit 1."""
    content = _content(job, root, is_run=True)
    if not arguments.json:
        show(_text(job, content))
    return CommandFailed(RunFailed(*error.faults, kind=error.error_kind), content)


def _created(arguments: argparse.Namespace, parent: str | None, root: Path) -> "Job":
    from automl.jobs.create import check_action, create_job
    from automl.jobs.datasets import values_from_sources
    from automl.schema.spec import parse_assignments
    from automl.skill.installed import load_skill, only_skill

    if not arguments.action:
        raise UsageError("ACTION is missing, e.g. automl job run evaluate --parent JOB")
    skill = arguments.skill
    if skill is None:
        skill = _parent_job(parent, root).skill if parent else only_skill()
    info = load_skill(skill).info
    check_action(info, arguments.action)
    overrides = parse_assignments(arguments.overrides)
    data = values_from_sources(info, arguments.action, _sources(arguments))
    if clashes := [key for key in data if overrides.get(key, data[key]) != data[key]]:
        raise UsageError(
            *(disagreement(f"{data[key]} by a flag", f"{key}={overrides[key]}") for key in clashes)
        )
    return create_job(
        arguments.action,
        skill,
        {**overrides, **data},
        parent_job_id=parent,
        root=root,
        choice=_choice(arguments),
    )


def _sources(arguments: argparse.Namespace) -> dict[str, str]:
    sources = {name: getattr(arguments, name) for name in _SOURCES}
    for word in arguments.dataset:
        name, equals, uri = word.partition("=")
        if not equals or not name or not uri:
            raise UsageError(f"--dataset: {word!r} is not understood; give --dataset NAME=URI")
        sources[name] = uri
    return {name: uri for name, uri in sources.items() if uri is not None}


def _choice(arguments: argparse.Namespace) -> Any:
    from automl.jobs.models import Choice

    method, epoch = arguments.checkpoint_choose_method, arguments.from_epoch
    if method is None and epoch is None:
        return None
    if method is None:
        method = "from_epoch_number"
    return Choice(method, epoch)


def _list(arguments: argparse.Namespace) -> int:
    from automl.files import json_text
    from automl.jobs.store import JobStore

    root, parent = _place(arguments.parent, arguments.root)
    if parent:
        _parent_job(parent, root)
    store = JobStore(root)
    jobs = store.jobs(parent=parent)
    if arguments.json:
        print(json_text({"jobs": [job.to_dict(store.root) for job in jobs]}))
        return 0
    rows = [("job", "action", "state", "parent")]
    rows += [(job.id, job.action, job.state.value, job.parent or "-") for job in jobs]
    show("\n".join(table(rows)))
    return 0


def _show(arguments: argparse.Namespace) -> int:
    from automl.jobs.store import JobStore

    root, job_id = _place(arguments.job, arguments.root)
    _print(JobStore(root).get(job_id), root, arguments)
    return 0


def _cancel(arguments: argparse.Namespace) -> int:
    from automl.jobs.cancel import cancel_job

    root, job_id = _place(arguments.job, arguments.root)
    _print(cancel_job(job_id, root=root), root, arguments)
    return 0


def _place(word: str | None, root: Path | None) -> tuple[Path, Any]:
    """Return the root of all jobs, and the id of a job given by its id or folder; None for None.

    Without --root a job's folder decides: the root is the nearest folder above it with jobs.
    """
    from automl.jobs.store import DEFAULT_ROOT, JobStore

    folder = Path(word or "").resolve()
    if root is None and word and folder.is_dir():
        root = next((above for above in folder.parents if JobStore(above).path.exists()), None)
    if root is None or root == DEFAULT_ROOT.resolve():
        root = DEFAULT_ROOT
    is_inside = word is not None and folder.is_relative_to(root.resolve())
    return root, str(folder.relative_to(root.resolve())) if is_inside else word


def _parent_job(job_id: str, root: Path) -> "Job":
    """Return the job of --parent; raises `UsageError` naming the flag."""
    from automl.jobs.store import JobStore

    with faults_named("--parent", job_id):
        return JobStore(root).get(job_id)


def _print(job: "Job", root: Path, arguments: argparse.Namespace, *, is_run: bool = False) -> None:
    from automl.files import json_text

    content = _content(job, root, is_run=is_run)
    if arguments.json:
        print(json_text(content))
    else:
        show(_text(job, content))


def _content(job: "Job", root: Path, *, is_run: bool) -> dict[str, Any]:
    """Return the plain form of a job, with the route that a run took."""
    from automl.skill.route import route_of_job

    way = {"route": route_of_job(job.action).to_dict()} if is_run else {}
    return {**job.to_dict(root), **way}


def _text(job: "Job", content: Mapping[str, Any]) -> str:
    lines = [f"{job.id}: {job.action} of {job.skill}, {job.state}"]
    lines += [f"  {name}: {value:.6g}" for name, value in job.metrics.items()]
    lines += [f"  {name}: {path}" for name, path in content["artifacts"].items()]
    if job.failure is not None:
        lines.append(f"  {job.failure.kind}: {job.failure.message}")
    lines += [f"  parent: {job.parent}"] if job.parent else []
    lines.append(f"  folder: {content['folder']}")
    return "\n".join(lines)
