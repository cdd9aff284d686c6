"""Lightning's Trainer, and its settings for processes, devices and files."""

from pathlib import Path
from typing import Any

from lightning_fabric.plugins.environments.lightning import LightningEnvironment
from pytorch_lightning import Callback, Trainer

from segformer.errors import SpecError
from segformer.parallel.batchnorm import SharedBatchNorms
from segformer.parallel.topology import Topology
from segformer.spec.spec import Spec
from segformer.training.checkpoint_io import CheckpointFiles


def build_trainer(
    spec: Spec,
    folder: Path,
    topology: Topology,
    files: CheckpointFiles,
    callbacks: list[Callback],
) -> Trainer:
    """Return the Trainer of a spec; what Lightning would write and print by itself is off."""
    return Trainer(
        **lightning_settings(spec, topology, files),
        max_epochs=spec.train.num_epochs,
        check_val_every_n_epoch=spec.train.validation_interval,
        precision=spec.train.precision,
        accumulate_grad_batches=spec.train.accumulate_grad_batches,
        gradient_clip_val=spec.train.clip_grad_norm or None,
        deterministic=spec.train.cudnn.deterministic,
        benchmark=spec.train.cudnn.benchmark,
        default_root_dir=folder,
        callbacks=callbacks,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
        use_distributed_sampler=False,
    )


def lightning_settings(spec: Spec, topology: Topology, files: CheckpointFiles) -> dict[str, Any]:
    """Return the Trainer's arguments for a topology; raises `SpecError` for a contradiction."""
    options = spec.train
    is_many, is_gpu = topology.count > 1, topology.accelerator == "gpu"
    if is_many and not options.use_distributed_sampler and not spec.dataset.segment.shuffle:
        raise SpecError(
            "dataset.segment.shuffle: is false, so that every process would draw the same images;"
            " set train.use_distributed_sampler=true"
        )
    # Named, because Lightning would take the processes for its own Slurm job if its variables are
    # set; `parallel.launch` starts them.
    plugins: list[Any] = [LightningEnvironment(), files]
    if is_many and options.sync_batchnorm and not is_gpu:
        plugins.append(SharedBatchNorms())
    return {
        "accelerator": topology.accelerator,
        "devices": list(topology.devices) if is_gpu else len(topology.devices),
        "num_nodes": topology.num_nodes,
        "strategy": options.distributed_strategy if is_many else "auto",
        "sync_batchnorm": is_many and is_gpu and options.sync_batchnorm,
        "plugins": plugins,
    }
