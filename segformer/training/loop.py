"""The train action: from a spec to checkpoints and metrics."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from pytorch_lightning import Callback, Trainer
from torch import Tensor
from torch.utils.data import DataLoader

from segformer.action import StatusFile
from segformer.data.dataset import SegmentationDataset
from segformer.data.sampler import EpochSampler
from segformer.errors import CheckpointError
from segformer.model.memory import out_of_memory_explained
from segformer.model.saved import ModelRecord
from segformer.model.segformer import SegFormer, build
from segformer.model.weights import load_backbone, load_model
from segformer.parallel.collective import from_first, number
from segformer.parallel.launch import run_action
from segformer.parallel.share import Filled, SharedSampler
from segformer.parallel.topology import Topology
from segformer.result import Report, Result
from segformer.spec import Spec
from segformer.training.checkpoint import (
    CheckpointPaths,
    Checkpoints,
    ResumePoint,
    read_record,
)
from segformer.training.distributed import lightning_settings
from segformer.training.isolation import isolated, seed_everything
from segformer.training.module import SegmentationModule
from segformer.training.status import EpochReport, goes_on, log_file

Loader = DataLoader[dict[str, Tensor]]


def train(spec: Spec, folder: Path, report: Report | None = None) -> Result:
    """Train a model in `folder`; goes on from its last checkpoint where there is one.

    Writes experiment.yaml, status.json, log.txt, checkpoints/last.ckpt and checkpoints/best.ckpt.
    Equal specs give equal checkpoints, bit for bit on one kind of machine with one number of
    threads, also when the training was cut and resumed. One training at a time per process.

    Args:
        spec: What to train, on what.
        folder: Where to; created if need be.
        report: Called after each validated epoch, and for the epoch of the checkpoint that a
            resumed training goes on from; "stop" and "pause" end the training after that epoch.

    Returns:
        Artifacts best and last; the metrics of the best epoch and its number as `epoch`.

    Raises:
        CheckpointError: A checkpoint or weights file that cannot be used.
        DataError: The data set cannot be used.
        OutOfMemoryError: The batch does not fit.
        DivergedError: The loss is no longer a number.
    """
    return run_action("train", spec, folder, train_here, report)


def train_here(spec: Spec, folder: Path, topology: Topology, report: Report | None) -> Result:
    """Train as one of the processes of a topology; only the first writes and reports."""
    log = "log.txt" if number() == 0 else f"log_{number()}.txt"
    with log_file(folder / log), isolated(), out_of_memory_explained(_advice(spec)):
        return _train(spec, CheckpointPaths(folder), topology, report)


def _train(spec: Spec, paths: CheckpointPaths, topology: Topology, report: Report | None) -> Result:
    resume, best = _resumed(spec, paths)
    if resume is None or _is_to_go_on(spec, resume.record, report):
        train_loader, validation_loader = _loaders(spec, resume.record.epoch if resume else 0)
        network = _network(spec, resume)
        module = SegmentationModule(network, spec, steps_per_epoch=len(train_loader))
        checkpoints = Checkpoints(
            module,
            paths,
            ModelRecord.of(spec),
            interval=spec.train.checkpoint_interval,
            best=best,
        )
        status = StatusFile(paths.folder)
        callbacks: list[Callback] = [checkpoints, EpochReport(module, status, report)]
        trainer = _trainer(spec, paths, topology, callbacks)
        with _interrupts_kept():
            trainer.fit(
                module,
                train_loader,
                validation_loader,
                ckpt_path=resume.path if resume else None,
                weights_only=True,
            )
    return from_first(_result(paths) if number() == 0 else Result())


def _resumed(spec: Spec, paths: CheckpointPaths) -> tuple[ResumePoint | None, float | None]:
    """The checkpoint to go on from and the best value so far, the same for all processes."""
    found: tuple[Path, float | None] | None = None
    if number() == 0 and (resume := _resume_point(spec, paths)):
        found = resume.path, resume.bring(paths)
    found = from_first(found)
    if found is None:
        return None, None
    path, best = found
    return ResumePoint.read(path, ModelRecord.of(spec)), best


def _resume_point(spec: Spec, paths: CheckpointPaths) -> ResumePoint | None:
    named = spec.train.resume_training_checkpoint_path
    if not named and not paths.last.is_file():
        return None
    return ResumePoint.read(Path(named) if named else paths.last, ModelRecord.of(spec))


def _is_to_go_on(spec: Spec, record: ModelRecord, report: Report | None) -> bool:
    """Whether an epoch is left to train, after the caller heard of the one that is done."""
    if record.metrics and not goes_on(report, record.epoch, record.metrics):
        return False
    return record.epoch < spec.train.num_epochs


def _network(spec: Spec, resume: ResumePoint | None) -> SegFormer:
    """The network with its first weights; a resumed training brings its own."""
    seed_everything(spec.train.seed)
    network = build(spec.model, num_classes=spec.dataset.segment.num_classes)
    encoder, whole = spec.model.backbone.pretrained_backbone_path, spec.train.pretrained_model_path
    if encoder and not resume:
        load_backbone(network.backbone, encoder, name=spec.model.backbone.type)
    if whole and not resume:
        load_model(network, Path(whole))
    return network


def _loaders(spec: Spec, first_epoch: int) -> tuple[Loader, Loader]:
    segment, is_shared = spec.dataset.segment, spec.train.use_distributed_sampler
    # Processes that draw from all the data do it each in an order of its own.
    seed = spec.train.seed + (0 if is_shared else number())
    train_data = SegmentationDataset(segment, split="train", augment=True, seed=seed)
    order = EpochSampler(len(train_data), shuffle=segment.shuffle, seed=seed)
    sampler = SharedSampler(order, len(train_data)) if is_shared else order
    # Lightning opens the loader, and so its workers, before it tells the sampler the epoch.
    sampler.set_epoch(first_epoch)
    validation_data = SegmentationDataset(segment, split="validation", augment=False, seed=seed)
    in_order = EpochSampler(len(validation_data), shuffle=False, seed=seed)
    shared = SharedSampler(in_order, len(validation_data))
    return _loader(spec, train_data, sampler), _loader(spec, validation_data, shared)


def _loader(spec: Spec, data: SegmentationDataset, sampler: EpochSampler | SharedSampler) -> Loader:
    segment = spec.dataset.segment
    return DataLoader(
        Filled(data),
        batch_size=segment.batch_size,
        sampler=sampler,
        num_workers=segment.workers,
        persistent_workers=segment.workers > 0,
        pin_memory=torch.cuda.is_available(),
        # Without a generator of its own a loader draws from the one that drop-out draws from.
        generator=torch.Generator().manual_seed(spec.train.seed),
    )


def _trainer(
    spec: Spec, paths: CheckpointPaths, topology: Topology, callbacks: list[Callback]
) -> Trainer:
    return Trainer(
        **lightning_settings(spec, topology),
        max_epochs=spec.train.num_epochs,
        check_val_every_n_epoch=spec.train.validation_interval,
        deterministic=spec.train.cudnn.deterministic,
        benchmark=spec.train.cudnn.benchmark,
        default_root_dir=paths.folder,
        callbacks=callbacks,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
        use_distributed_sampler=False,
    )


@contextmanager
def _interrupts_kept() -> Iterator[None]:
    """Let Ctrl-C through: Lightning makes it SystemExit(1) and goes on to ignore the signal."""
    handler = signal.getsignal(signal.SIGINT)
    try:
        yield
    except SystemExit as error:
        if not isinstance(error.__context__, KeyboardInterrupt):
            raise
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGINT, handler)
        raise KeyboardInterrupt from None


def _result(paths: CheckpointPaths) -> Result:
    if not paths.best.is_file():
        raise CheckpointError(
            f"{paths.best}: no epoch was validated; lower train.validation_interval"
        )
    record = read_record(paths.best)
    return Result(
        artifacts={"best": paths.best, "last": paths.last},
        metrics=record.metrics | {"epoch": float(record.epoch)},
    )


def _advice(spec: Spec) -> str:
    segment = spec.dataset.segment
    return (
        f"reduce dataset.segment.batch_size ({segment.batch_size}),"
        f" dataset.segment.img_size ({segment.img_size})"
        f" or take a smaller model.backbone.type ({spec.model.backbone.type})"
    )
