"""The train action: from a spec to checkpoints and metrics."""

import logging
import secrets
import signal
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from functools import partial
from pathlib import Path

import torch
import yaml
from pytorch_lightning import Callback

from segformer.action import StatusFile
from segformer.data.training_size import with_own_prediction
from segformer.errors import CheckpointError, SpecError
from segformer.model.out_of_memory import out_of_memory_explained
from segformer.model.saved import ModelRecord
from segformer.model.segformer import SegFormer, build
from segformer.model.weights import load_backbone, load_model
from segformer.parallel.collective import from_first, gathered, number
from segformer.parallel.launch import run_action
from segformer.parallel.topology import Topology, topology_of
from segformer.result import Report, Result
from segformer.spec.sections.dataset import size_text
from segformer.spec.spec import Spec
from segformer.storage.records import SPEC_FILE
from segformer.storage.step_file import StepFile
from segformer.training.callbacks.build import build_callbacks
from segformer.training.callbacks.checkpoint import CheckpointPaths
from segformer.training.callbacks.resumed_settings import ResumedSettings
from segformer.training.callbacks.status import EpochReport, is_to_continue, log_file
from segformer.training.callbacks.steps import Steps
from segformer.training.checkpoint_io import CheckpointFiles
from segformer.training.compiling import check_compiler
from segformer.training.folder import check_folder, replacing_training, settle
from segformer.training.isolation import isolated, seed_everything
from segformer.training.loaders import data_loaders, needed_counts
from segformer.training.module import SegmentationModule
from segformer.training.record import TrainingRecord
from segformer.training.resume import ResumePoint, read_record
from segformer.training.trainer import build_trainer

_LOG = logging.getLogger("segformer")


def train(
    spec: Spec,
    folder: Path,
    report: Report | None = None,
    *,
    callbacks: Sequence[Callback] = (),
) -> Result:
    """Train a model in `folder`, or resume from the last checkpoint that is there.

    Writes experiment.yaml, status.json, log.txt, checkpoints/last.ckpt and checkpoints/best.ckpt.
    Equal specs give equal checkpoints, bit for bit on one kind of machine with one number of
    threads, also if the training was interrupted and resumed. One training at a time per process.

    Args:
        spec: The settings.
        folder: The results folder; created if missing.
        report: Called after each validated epoch, and first for the epoch of the checkpoint from
            which the training resumes; "stop" and "pause" end the training after that epoch.
        callbacks: Further ones of Lightning, for a training in a single process.

    Returns:
        Artifacts best and last; the metrics of the best epoch and its number as `epoch`. A note if
        the training was finished before, and nothing is trained.

    Raises:
        CheckpointError: A checkpoint or weights file that cannot be used.
        DataError: The data set cannot be used.
        OutOfMemoryError: The batch does not fit.
        SpecError: A setting that this machine does not support, or a folder that holds a training
            with other settings.
        DivergedError: The loss became NaN or infinite.
    """
    is_first = topology_of("train", spec.train).node == 0
    if is_first:
        settle(folder)
    # A caller with a report steers the training through several calls, which resume each other.
    is_replacing = is_first and spec.train.force and report is None
    with replacing_training(spec, folder) if is_replacing else nullcontext():
        spec = _with_seed(spec, folder)
        is_finished = check_folder(spec, folder)
        here = partial(train_here, callbacks=callbacks)
        return run_action("train", spec, folder, here, report, keeps_spec=is_finished)


def train_here(
    spec: Spec,
    folder: Path,
    topology: Topology,
    report: Report | None,
    *,
    callbacks: Sequence[Callback] = (),
) -> Result:
    """Train as one of the processes of a topology; only the first writes and reports."""
    _check_precision(spec)
    if spec.train.compile:
        check_compiler()
    if len(set(gathered(spec.train.seed))) > 1:
        raise SpecError(
            "train.seed: -1 is not allowed with several nodes, each of which would draw its own;"
            " give a number of 0 or more"
        )
    log = "log.txt" if number() == 0 else f"log_{number()}.txt"
    with log_file(folder / log), isolated(), out_of_memory_explained(_advice(spec)):
        try:
            return _train(spec, CheckpointPaths(folder), topology, report, callbacks)
        finally:
            if number() == 0:
                StepFile(folder, "training").remove()


def _train(
    spec: Spec,
    paths: CheckpointPaths,
    topology: Topology,
    report: Report | None,
    more: Sequence[Callback],
) -> Result:
    status, files = StatusFile(paths.folder), CheckpointFiles()
    if number() == 0:
        StepFile(paths.folder, "training").say("loading data and weights")
    training = TrainingRecord.of(spec)
    resume, best = _resumed(spec, paths, files, training, status)
    spec = with_own_prediction_of(spec)
    if resume is None or _is_unfinished(spec, resume, report):
        counts = needed_counts(spec)
        train_loader, validation_loader = data_loaders(spec, resume, counts)
        network = initial_network(spec, is_resumed=resume is not None)
        module = SegmentationModule(
            network, spec, batches_per_epoch=len(train_loader), counts=counts
        )
        record = resume.record if resume else ModelRecord.of(spec)
        callbacks = build_callbacks(
            module, spec, paths, record=record, training=training, best=best
        )
        callbacks = [ResumedSettings(network, spec.train.optim), *more, *callbacks]
        monitor = spec.train.enable_lr_monitor
        callbacks.append(Steps(paths.folder))
        # Last in order, so that an epoch's checkpoints are on disk before the epoch is reported.
        callbacks.append(EpochReport(module, status, report, with_learning_rates=monitor))
        trainer = build_trainer(spec, paths.folder, topology, files, callbacks)
        with _interrupts_kept():
            trainer.fit(
                module,
                train_loader,
                validation_loader,
                ckpt_path=resume.path if resume else None,
                weights_only=True,
            )
        if number() == 0 and trainer.current_epoch >= spec.train.num_epochs:
            replace(training, is_finished=True).write(paths.folder)
    if number() > 0:
        return from_first(Result())
    return from_first(_result(paths, note=_note(spec, resume)))


def with_own_prediction_of(spec: Spec) -> Spec:
    """Return a spec that predicts as its own training size asks for."""
    segment = with_own_prediction(spec.dataset.segment)
    dataset = spec.dataset.model_copy(update={"segment": segment})
    return spec.model_copy(update={"dataset": dataset})


def _note(spec: Spec, resume: ResumePoint | None) -> str:
    epochs = spec.train.num_epochs
    if resume is None or resume.record.epoch < epochs:
        return ""
    return (
        f"this training was finished before (epoch {resume.record.epoch} of {epochs}); nothing was"
        " trained"
    )


def _resumed(
    spec: Spec,
    paths: CheckpointPaths,
    files: CheckpointFiles,
    training: TrainingRecord,
    status: StatusFile,
) -> tuple[ResumePoint | None, float | None]:
    """The checkpoint to resume from and the best value so far, the same for all processes."""

    def warn(text: str) -> None:
        _LOG.warning(text)
        status.write("RUNNING", f"warning: {text}")

    choice: tuple[Path, float | None] | None = None
    if number() == 0:
        resume = ResumePoint.newest(paths, spec, files, warn=warn)
        is_finished = resume is not None and resume.record.epoch >= spec.train.num_epochs
        if not is_finished or TrainingRecord.read(paths.folder) is None:
            # Before the first checkpoint, which must never be without its record.
            replace(training, is_finished=is_finished).write(paths.folder)
        if resume is not None:
            choice = resume.path, resume.prepare(paths, files, warn=warn)
    choice = from_first(choice)
    if choice is None:
        return None, None
    path, best = choice
    return ResumePoint.read(path, spec, files), best


def _with_seed(spec: Spec, folder: Path) -> Spec:
    """The spec with a random seed in place of -1; a resumed training keeps the seed it drew."""
    if spec.train.seed >= 0:
        return spec
    earlier = folder / SPEC_FILE
    seed = -1
    if earlier.is_file():
        seed = yaml.safe_load(earlier.read_text(encoding="utf-8"))["train"]["seed"]
    if seed < 0:
        seed = secrets.randbelow(2**32)
    return spec.model_copy(update={"train": spec.train.model_copy(update={"seed": seed})})


def _check_precision(spec: Spec) -> None:
    precision = spec.train.precision
    if precision != "32-true" and not torch.cuda.is_available():
        raise SpecError(
            f"train.precision: {precision} is not allowed on this machine: it has no CUDA device,"
            " and on a CPU half precision makes a step more than ten times slower;"
            " set train.precision=32-true"
        )
    if precision == "bf16-mixed" and not torch.cuda.is_bf16_supported():
        raise SpecError(
            "train.precision: bf16-mixed is not allowed on this machine: its CUDA device has no"
            " bfloat16; set train.precision=16-mixed or 32-true"
        )


def _is_unfinished(spec: Spec, resume: ResumePoint, report: Report | None) -> bool:
    """Whether an epoch is left to train, after reporting the last one that is done."""
    record = resume.record
    metrics = {**record.metrics, **resume.rates}
    if record.metrics and not is_to_continue(report, record.epoch, metrics):
        return False
    return record.epoch < spec.train.num_epochs


def initial_network(spec: Spec, *, is_resumed: bool = False) -> SegFormer:
    """Return the network with its initial weights; those of a resume come from the checkpoint."""
    seed_everything(spec.train.seed)
    segment = spec.dataset.segment
    network = build(spec.model, num_classes=segment.num_classes, in_channels=segment.channels)
    encoder, whole = spec.model.backbone.pretrained_backbone_path, spec.train.pretrained_model_path
    if encoder and not is_resumed:
        load_backbone(network.backbone, encoder, name=spec.model.backbone.type)
    if whole and not is_resumed:
        load_model(network, Path(whole))
    return network


@contextmanager
def _interrupts_kept() -> Iterator[None]:
    """Raise KeyboardInterrupt on Ctrl-C, and keep the caller's handler of the signal.

    Lightning turns the interrupt into SystemExit(1) and leaves SIGINT ignored.
    """
    handler = signal.getsignal(signal.SIGINT)
    try:
        yield
    except SystemExit as error:
        if not isinstance(error.__context__, KeyboardInterrupt):
            raise
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGINT, handler)
        raise KeyboardInterrupt from None


def _result(paths: CheckpointPaths, *, note: str) -> Result:
    if not paths.best.is_file():
        raise CheckpointError(
            f"{paths.best}: no epoch was validated; lower train.validation_interval"
        )
    record = read_record(paths.best)
    return Result(
        artifacts={"best": paths.best, "last": paths.last},
        metrics=record.metrics | {"epoch": float(record.epoch)},
        note=note,
    )


def _advice(spec: Spec) -> str:
    segment = spec.dataset.segment
    return (
        f"reduce dataset.segment.batch_size ({segment.batch_size}),"
        f" dataset.segment.img_size ({size_text(segment.size)})"
        f" or take a smaller model.backbone.type ({spec.model.backbone.type})"
    )
