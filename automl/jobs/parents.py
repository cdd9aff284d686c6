"""The parent of a job: the source of its model, and its spec."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml

from automl.errors import UsageError
from automl.experiment.experiment import Experiment
from automl.experiment.paths import ExperimentPaths
from automl.jobs.models import ModelSource
from automl.jobs.record import Job, JobState
from automl.jobs.store import JobStore, is_experiment
from automl.skill.info import SkillInfo
from automl.trial.trial import Trial, TrialState

_MODELS = ("checkpoint", "onnx", "engine")
"""Artifacts that can be the model of an action other than train."""


@dataclass(frozen=True)
class Parent:
    """A job that leaves a model, and the spec that it ran with."""

    source: ModelSource
    spec: Mapping[str, Any]


def find_parent(store: JobStore, job_id: str, info: SkillInfo) -> Parent:
    """Return the parent of an id; for an experiment, its best trial.

    Raises `UsageError` if there is none, or if it has no model yet.
    """
    job = store.get(job_id)
    if is_experiment(job):
        return _best_child(store, job, info)
    if job.parent is not None and store.driver_folder(job) != store.folder(job):
        return _trial(store, job, info)
    if job.state is not JobState.COMPLETED and job.action != "train":
        raise UsageError(f"job {job.id}: is {job.state}, so it has no model to take yet")
    folder = store.folder(job).resolve()
    spec = yaml.safe_load((folder / "spec.yaml").read_text(encoding="utf-8"))
    source = _source(job.id, job.action, folder, info, (job.best_epoch, job.last_epoch))
    model = next((job.artifacts[kind] for kind in _MODELS if kind in job.artifacts), None)
    return Parent(source if job.action == "train" else replace(source, best=model), spec)


def _best_child(store: JobStore, job: Job, info: SkillInfo) -> Parent:
    experiment = Experiment.load(store.folder(job))
    if experiment.best is None:
        raise UsageError(f"experiment {job.id}: no trial has a result yet")
    return _parent_of_trial(experiment, experiment.best, info)


def _trial(store: JobStore, job: Job, info: SkillInfo) -> Parent:
    experiment = Experiment.load(store.driver_folder(job))
    return _parent_of_trial(experiment, experiment.history.trials[int(Path(job.id).name)], info)


def _parent_of_trial(experiment: Experiment, trial: Trial, info: SkillInfo) -> Parent:
    folder = experiment.paths.trial(trial.number).resolve()
    # While a trial runs, its last checkpoint may be older than its last report.
    has_ended = trial.state in (TrialState.COMPLETED, TrialState.STOPPED, TrialState.PAUSED)
    epochs = (experiment.epoch_of(trial), trial.epoch if has_ended else None)
    source = _source(trial_job_id(experiment.paths, trial.number), "train", folder, info, epochs)
    return Parent(source, experiment.spec_of(trial))


def own_source(info: SkillInfo, folder: Path) -> ModelSource:
    """Return a training's own folder as the source of the checkpoint it resumes from."""
    return ModelSource(folder.name, "train", folder, last=info.checkpoints.get("last"))


def trial_job_id(paths: ExperimentPaths, number: int) -> str:
    """Return the id of a trial's job: its folder below the root of all jobs."""
    return f"{paths.root.resolve().name}/trials/{number:04d}"


def _source(
    job_id: str, action: str, folder: Path, info: SkillInfo, epochs: tuple[int | None, int | None]
) -> ModelSource:
    best, last = info.checkpoints.get("best"), info.checkpoints.get("last")
    # If the skill keeps one file for both, its epoch is that of the last.
    known_epochs = {name: epoch for name, epoch in zip((best, last), epochs, strict=True)
                    if name is not None and epoch is not None}  # fmt: skip
    return ModelSource(job_id, action, folder, best, last, known_epochs)
