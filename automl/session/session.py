"""One session of an experiment, new or resumed: search, promote, close."""

import errno
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from dataclasses import asdict, replace
from pathlib import Path

from automl.errors import RunFailed, Stopped, UsageError
from automl.experiment.checksums import check_file
from automl.experiment.experiment import Experiment
from automl.experiment.lock import ExperimentLock
from automl.experiment.observer import ExperimentObserver
from automl.experiment.paths import ExperimentPaths
from automl.experiment.transfer import read_transfer
from automl.experiment.warm_start import read_past
from automl.jobs.mirror import JobObserver
from automl.promotion.gates import PromotionRequest
from automl.promotion.promoter import Promoter
from automl.promotion.steps import IMAGE_COUNTS
from automl.redact import redacted
from automl.report.importance import load_evaluators, write_importance
from automl.report.leaderboard import write_results
from automl.report.writer import ReportWriter
from automl.runners import open_runner
from automl.runners.base import Runner
from automl.schema.spec import flatten
from automl.search.base import OpenSearcher
from automl.search.from_settings import searcher_of
from automl.session.confirmation import check_confirmation
from automl.session.controller import Controller
from automl.session.disk import sweep
from automl.session.giving_up import failure_summary
from automl.session.preparation import Preparation
from automl.session.signals import signals_as_stop
from automl.skill.failures import faults_of_the_user
from automl.skill.info import SkillInfo
from automl.skill.installed import load_skill
from automl.space.space import SearchSpace
from automl.tracking import Tracking, make_tracking
from automl.tracking.registry import Registry
from automl.trial.moves import Done

DataProgress = AbstractContextManager[Callable[[int, int], None]]
"""Shows the files done, and in all, while the data is read."""

_DISK_ERRORS = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS)
"""A disk or a quota that is full, a limit of the file size, a read-only file system."""


def drive(
    root: Path,
    *,
    watchers: Sequence[ExperimentObserver] = (),
    progress: DataProgress | None = None,
) -> Experiment:
    """Run an experiment from where its journal ends to its promotion.

    A resume checks the data again before anything trains, and shows it by `progress`.

    Raises `RunFailed` when no trial has a result or the promotion fails, `Stopped` on SIGTERM
    and `KeyboardInterrupt` on Ctrl-C; the experiment can be resumed after each.
    """
    paths = ExperimentPaths(root)
    with ExperimentLock(paths):
        sweep(paths)
        experiment = Experiment.load(root)
        settings = experiment.settings
        if experiment.history.closed == "finished":
            _catch_up(experiment)
            return experiment
        # Before observers start threads, beside which the runner could not fork a process.
        preload = None if experiment.history.is_promoting else settings.skill
        with open_runner(settings.resources, preload=preload, meanwhile=load_evaluators) as runner:
            _search(experiment, runner, watchers, progress)
        # Trainings may have been killed, too.
        sweep(paths)
    return Experiment.load(root)


def _search(
    experiment: Experiment,
    runner: Runner,
    watchers: Sequence[ExperimentObserver],
    progress: DataProgress | None,
) -> None:
    """Run the rest of a search, and promote its best."""
    settings, paths = experiment.settings, experiment.paths
    space = experiment.space()
    tracking = make_tracking(settings.trackers, paths, _info(experiment).name, space)
    _check_spec(experiment)
    if experiment.history.trials and not experiment.history.is_promoting:
        _check_data(experiment, progress)
    observers = [*watchers, *_mirrors(experiment, space, tracking)]
    controller = Controller(
        experiment, _searcher(experiment, space), Preparation.of(experiment, space), observers
    )
    controller.open()
    with _closing(controller, experiment):
        if not controller.is_settled():
            runner.run(controller)
        if experiment.best is None:
            raise RunFailed(*failure_summary(experiment))
        _explain(experiment, space)
        write_results(experiment)
        if _info(experiment).is_promotable:
            request = PromotionRequest(
                to=settings.to,
                min_objective=settings.min_objective,
                refine=settings.refine == "on",
                qat=settings.qat,
            )
            _promote(controller, experiment, tracking.registry, request)


def _catch_up(experiment: Experiment) -> None:
    """Let whatever follows the journal end, too: the last session may have been killed before."""
    settings, paths = experiment.settings, experiment.paths
    space = experiment.space()
    tracking = make_tracking(settings.trackers, paths, _info(experiment).name, space)
    write_results(experiment)
    for mirror in _mirrors(experiment, space, tracking):
        mirror.opened(experiment)
        mirror.closed(experiment)


def _mirrors(
    experiment: Experiment, space: SearchSpace, tracking: Tracking
) -> list[ExperimentObserver]:
    # The page must exist before MLflow uploads it.
    return [ReportWriter(space), JobObserver(experiment), *tracking.observers]


def promote(root: Path, request: PromotionRequest, *, confirm_seeds: int = 0) -> Experiment:
    """Promote a trial of an experiment whose search is over, as `request` says.

    With `confirm_seeds` the best two are trained again first, each with this many fresh seeds, and
    the experiment's settings say so from then on. Raises `UsageError` if the search is not over or
    cannot be confirmed, `RunFailed` if a step fails or a gate refuses the model.
    """
    paths = ExperimentPaths(root)
    with ExperimentLock(paths):
        experiment = Experiment.load(root)
        info = _info(experiment)
        _check_promotable(experiment, info)
        if confirm_seeds:
            check_confirmation(confirm_seeds, info, trial=request.trial)
            confirming = replace(experiment.settings, confirm_seeds=confirm_seeds)
            experiment = replace(experiment, settings=confirming)
        settings = experiment.settings
        if request.min_objective is None:
            request = replace(request, min_objective=settings.min_objective)
        if request.to is None:
            request = replace(request, to=targets_of(experiment))
        # A mistake must leave the experiment as it was: the journal is opened after the checks.
        Promoter(experiment, load_skill(settings.skill), info, request).check()
        _check_spec(experiment)
        space = experiment.space()
        tracking = make_tracking(settings.trackers, paths, info.name, space)
        observers = _mirrors(experiment, space, tracking)
        controller = Controller(
            experiment, _searcher(experiment, space), Preparation.of(experiment, space), observers
        )
        if confirm_seeds:
            _check_searched(controller)
            # Whoever reads the experiment later has to know that its repeats decide.
            settings.write(paths.settings)
        controller.open()
        with _closing(controller, experiment):
            if confirm_seeds and not controller.is_settled():
                with open_runner(settings.resources, preload=settings.skill) as runner:
                    runner.run(controller)
                write_results(experiment)
            _promote(controller, experiment, tracking.registry, request)
    return Experiment.load(root)


def targets_of(experiment: Experiment) -> tuple[str, ...]:
    """Return what the last promotion was to make, or else what the run asked for.

    A second promotion replaces the folder of the first: it must not lose an int8 model by silence.
    """
    last = experiment.promotion or {}
    return tuple(last.get("to", experiment.settings.to))


def _check_promotable(experiment: Experiment, info: SkillInfo) -> None:
    root = experiment.paths.root
    if experiment.history.closed not in ("finished", "failed"):
        raise UsageError(f"{root}: its search is not over; resume it first: automl resume {root}")
    if not info.is_promotable:
        raise UsageError(f"{root}: the skill {info.name} exports no model to promote")


def _check_searched(controller: Controller) -> None:
    if not isinstance(controller.next_move(), Done):
        root = controller.experiment.paths.root
        raise UsageError(
            f"{root}: its search broke off, and nothing can be confirmed before its end; resume it "
            f"first: automl resume {root}"
        )


def change_address(root: Path, address: str) -> None:
    """Make a resume run its trials on another Ray cluster, or with `none` on this machine."""
    paths = ExperimentPaths(root)
    with ExperimentLock(paths):
        settings = Experiment.load(root).settings
        cluster = None if address == "none" else address
        resources = replace(settings.resources, address=cluster)
        replace(settings, resources=resources).write(paths.settings)


def _check_spec(experiment: Experiment) -> None:
    """Raise `UsageError` for data or keys that the experiment began with and that are gone.

    Every trial would fail without them, also those that only wait to be resumed.
    """
    with faults_of_the_user():
        load_skill(experiment.settings.skill).resolve("train", flatten(experiment.settings.spec))


def _check_data(experiment: Experiment, progress: DataProgress | None) -> None:
    """Check the data of a resumed experiment, and say if they are not what its trials trained on.

    Raises `UsageError` for data that cannot be used: every trial would fail.
    """
    settings = experiment.settings
    with faults_of_the_user(), progress or nullcontext() as shown:
        skill, kept = load_skill(settings.skill), experiment.paths.data
        now = skill.check_again(dict(settings.spec), kept, progress=shown)
    if now.get("fingerprint") != settings.data.get("fingerprint"):
        text = (
            f"warning: {experiment.paths.root}: its data has changed since it began, so that later "
            "trials do not compare with earlier ones: put the data back, or start a new search"
        )
        print(text, file=sys.stderr, flush=True)


def _searcher(experiment: Experiment, space: SearchSpace) -> OpenSearcher:
    paths, settings = experiment.paths, experiment.settings
    for path in (paths.warm_start, paths.transfer):
        check_file(path, settings.checksums)
    past, transfer = read_past(paths), read_transfer(paths)
    return searcher_of(settings, space, _info(experiment), past, transfer)


def _explain(experiment: Experiment, space: SearchSpace) -> None:
    """Write which parameters mattered, if enough trials ended to say so."""
    with suppress(UsageError):
        write_importance(experiment, space)


def _info(experiment: Experiment) -> SkillInfo:
    return load_skill(experiment.settings.skill).info


def _promote(
    controller: Controller,
    experiment: Experiment,
    registry: Registry,
    request: PromotionRequest,
) -> None:
    skill = load_skill(experiment.settings.skill)
    info = skill.info
    number = experiment.best.number if request.trial is None and experiment.best else request.trial
    trial = None if number is None else experiment.history.trials.get(number)
    if trial is not None and experiment.value_of(trial) is not None:
        controller.promoting(trial.number)
    promotion = Promoter(experiment, skill, info, request).promote()
    model = experiment.paths.root / promotion["onnx"]
    counts = promotion.get(IMAGE_COUNTS)
    entry = registry.register(
        experiment,
        model,
        bar=promotion.get("barred", ""),
        counts=None if counts is None else experiment.paths.root / counts,
    )
    if entry is not None:
        promotion["registry"] = asdict(entry)
    controller.promoted(promotion)


@contextmanager
def _closing(controller: Controller, experiment: Experiment) -> Iterator[None]:
    """Record how the session ended: finished, failed or stopped.

    A disk that takes no more stops it, too: `Stopped` says which file and how to resume.
    """
    try:
        with signals_as_stop():
            yield
    except KeyboardInterrupt:
        controller.close("stopped")
        raise
    except Stopped as error:
        controller.close("stopped", str(error))
        raise Stopped(f"{error}; resume it: automl resume {experiment.paths.root}") from error
    except BaseException as error:
        is_disk_error = isinstance(error, OSError) and error.errno in _DISK_ERRORS
        # The error at hand says more than a second one, of a disk that is still full.
        with suppress(OSError):
            if experiment.history.trials:
                write_results(experiment)
            controller.close("stopped" if is_disk_error else "failed", redacted(str(error)))
        if is_disk_error:
            raise Stopped(
                f"{error}; the search stopped; resume it: automl resume {experiment.paths.root}"
            ) from error
        raise
    controller.close("finished")
