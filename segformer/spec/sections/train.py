"""The spec's train section: schedule, optimiser, checkpoints."""

from string import Formatter
from typing import Any, Literal, get_args

from pydantic import Field, ValidationInfo, field_validator

from segformer.spec.fields import (
    RESULTS_TEXT,
    Float,
    Int,
    Node,
    PositiveInt,
    applies,
    section,
    setting,
)
from segformer.spec.sections.devices import Devices
from segformer.spec.sections.loss import TrainSegment

Metric = Literal[
    "val_loss", "val_miou", "val_acc", "val_macc", "val_mf1", "val_mprecision", "val_mrecall",
    "train_loss",
]  # fmt: skip
MetricOrNone = Literal[
    "", "val_loss", "val_miou", "val_acc", "val_macc", "val_mf1", "val_mprecision", "val_mrecall",
    "train_loss",
]  # fmt: skip
"""What a training measures after each validated epoch, besides the IoU of each class."""


def direction_of(metric: str) -> Literal["min", "max"]:
    """Return whether a lower or a higher value of a metric is better."""
    return "min" if metric.endswith("loss") else "max"


class Optim(Node):
    """The optimiser and how its learning rate changes."""

    optim: Literal["adamw", "adam", "sgd"] = setting("adamw", "Optimiser", "Optimiser")
    lr: Float = setting(
        6e-5, "Learning rate",
        "Learning rate of the encoder; that of the head is head_lr_ratio times as high",
        gt=0, automl=True, scale="log",
    )  # fmt: skip
    head_lr_ratio: Float = setting(
        10.0, "Ratio of the head's rate", "Learning rate of the head over that of the encoder",
        gt=0, le=1000, scale="log",
    )  # fmt: skip
    layer_decay: Float = setting(
        1.0, "Layer-wise decay",
        "Learning rate of each block of the encoder over that of the block after it; the last has"
        " the full rate",
        gt=0, le=1, active_when={"model.backbone.freeze_backbone": False},
    )  # fmt: skip
    momentum: Float = setting(
        0.9, "Momentum", "First beta of adamw and adam; momentum of sgd", ge=0, lt=1, automl=True,
    )  # fmt: skip
    weight_decay: Float = setting(
        0.01, "Weight decay", "Decay of the weights; biases and norms have none", ge=0, le=1,
        automl=True, scale="log",
    )  # fmt: skip
    policy: Literal["linear", "step", "cosine", "poly", "constant"] = setting(
        "linear", "Schedule",
        "linear: down to 0; step: a tenth after every third of the epochs; cosine: half a wave"
        " down to 0; poly: the share of steps left, to a power; constant: the full rate, then down"
        " to 0 in a cooldown",
    )  # fmt: skip
    power: Float = setting(
        0.9, "Power", "Exponent of policy poly", gt=0, le=10,
        active_when={"train.optim.policy": "poly"},
    )  # fmt: skip
    cooldown_share: Float = setting(
        0.2, "Cooldown",
        "Share of the steps after the warm-up, at their end, in which policy constant falls to 0",
        ge=0, le=1, active_when={"train.optim.policy": "constant"},
    )  # fmt: skip
    warm_up_share: Float = setting(
        0.01,
        "Warm-up",
        "Share of the steps in which the rate rises to its full value",
        ge=0,
        le=0.5,
    )
    encoder_delay_share: Float = setting(
        0.0, "Delay of the encoder",
        "Share of the steps, at their start, in which the head learns alone; then the encoder's"
        " warm-up begins",
        ge=0, le=0.5, active_when={"model.backbone.freeze_backbone": False},
    )  # fmt: skip
    monitor_name: Metric = setting(
        "val_loss", "Monitored metric",
        "Metric of the checkpointer unless it names one; best.ckpt is chosen by val_miou in any"
        " case",
    )  # fmt: skip

    @field_validator("power")
    @classmethod
    def _of_poly(cls, value: float, info: ValidationInfo) -> float:
        return applies(cls, value, info, "train.optim.policy=poly", policy=("poly",))

    @field_validator("cooldown_share")
    @classmethod
    def _of_constant(cls, value: float, info: ValidationInfo) -> float:
        return applies(cls, value, info, "train.optim.policy=constant", policy=("constant",))


class Cudnn(Node):
    """Settings of cuDNN, for CUDA devices."""

    benchmark: bool = setting(False, "Benchmark", "Let cuDNN try kernels and choose the fastest")
    deterministic: bool = setting(True, "Deterministic", "Use only kernels that repeat bit for bit")


class Ema(Node):
    """Exponential moving average of the weights."""

    enable: bool = setting(
        False, "Average the weights", "Validate and save a moving average of the weights"
    )
    horizon_share: Float = setting(
        0.0, "Horizon",
        "Steps over which the average reaches back, as a share of all steps of the training; 0: as"
        " decay says", ge=0, le=1, active_when={"train.ema.enable": True},
    )  # fmt: skip
    decay: Float = setting(
        0.999, "Decay", "Share of the average that each step keeps; less in the first steps",
        ge=0, lt=1, active_when={"train.ema.enable": True, "train.ema.horizon_share": 0.0},
    )  # fmt: skip

    @field_validator("horizon_share")
    @classmethod
    def _if_enabled(cls, value: float, info: ValidationInfo) -> float:
        return applies(cls, value, info, "train.ema.enable=true", enable=(True,))

    @field_validator("decay")
    @classmethod
    def _if_not_scaled(cls, value: float, info: ValidationInfo) -> float:
        when = "train.ema.enable=true and train.ema.horizon_share=0"
        return applies(cls, value, info, when, enable=(True,), horizon_share=(0.0,))


class Tensorboard(Node):
    """Event files for TensorBoard."""

    enabled: bool = setting(
        False, "TensorBoard", "Write event files into tensorboard/ in the results folder"
    )
    infrequent_logging_frequency: Int = setting(
        2, "Epochs between histograms", "Epochs between histograms of the weights; 0: none",
        ge=0, active_when={"train.tensorboard.enabled": True},
    )  # fmt: skip

    @field_validator("infrequent_logging_frequency")
    @classmethod
    def _if_enabled(cls, value: int, info: ValidationInfo) -> int:
        return applies(cls, value, info, "train.tensorboard.enabled=true", enabled=(True,))


class Checkpointer(Node):
    """Checkpoints of the best epochs by a metric, besides best and last."""

    enable_topk: bool = setting(
        False, "Keep the best epochs", "Keep full checkpoints of the best epochs by a metric"
    )
    save_top_k: Int = setting(1, "Number kept", "Number of epochs to keep", ge=1)
    monitor: MetricOrNone = setting(
        "", "Metric", "Metric by which epochs are best; empty: train.optim.monitor_name"
    )
    mode: Literal["", "min", "max"] = setting(
        "",
        "Direction",
        "min: lower is better, as of a loss; max: higher; empty: as the metric has it",
    )
    filename: str = setting(
        "model_best_{epoch:03d}", "File name",
        "Name of a file, without .ckpt; may hold {epoch}, {step} and metrics",
    )  # fmt: skip
    auto_insert_metric_name: bool = setting(
        False, "Names in the file name", "Write epoch=003 instead of 003"
    )
    dirpath: str = setting(
        "",
        "Folder",
        "Folder for these checkpoints; empty: checkpoints/ in the results folder",
        is_path=True,
    )
    keep_every: bool = setting(
        False, "Keep every checkpoint",
        "Keep the checkpoint of every train.checkpoint_interval as model_epoch_NNN.ckpt",
    )  # fmt: skip
    replace_periodic: bool = setting(
        False, "Instead of last.ckpt", "Write last.ckpt only at the end, not at every interval"
    )

    @field_validator(
        *("save_top_k", "monitor", "mode", "filename", "auto_insert_metric_name", "dirpath"),
        "replace_periodic",
    )
    @classmethod
    def _if_enabled(cls, value: Any, info: ValidationInfo) -> Any:
        when = "train.checkpointer.enable_topk=true"
        return applies(cls, value, info, when, enable_topk=(True,))

    @field_validator("filename")
    @classmethod
    def _tells_epochs_apart(cls, value: str, info: ValidationInfo) -> str:
        names = {name for _, name, _, _ in Formatter().parse(value) if name is not None}
        allowed = {"epoch", "step", *get_args(Metric)}
        if "/" in value or not names <= allowed:
            raise ValueError(f"must be a file name with fields of {', '.join(sorted(allowed))}")
        if not names & {"epoch", "step"}:
            raise ValueError("must have {epoch} or {step}, so that names differ")
        return value


class Shortened(Node):
    """A training was shortened on its way."""

    after: PositiveInt = Field(description="The last epoch before it was shortened")
    epochs: PositiveInt = Field(description="The number of epochs until then")


class Train(Devices):
    """Settings of the train action."""

    num_epochs: Int = setting(10, "Epochs", "Passes over the data", ge=1, popular=True)
    shortened: list[Shortened] = setting(
        [], "Shortened",
        "How often, after which epoch and from how many epochs the training was shortened, the last"
        " time to num_epochs; rate and moving average change faster from then on, so that they end"
        " as planned. A search writes it for a training that must end in time",
    )  # fmt: skip
    checkpoint_interval_unit: Literal["epoch", "step"] = setting(
        "epoch", "Unit of the checkpoint interval", "epoch, or step: an optimiser's step"
    )
    checkpoint_interval: Int = setting(
        1, "Checkpoint interval", "Epochs or steps between checkpoints", ge=1, popular=True
    )
    validation_interval: Int = setting(
        1, "Validation interval", "Epochs between validations", ge=1, popular=True
    )
    distributed_strategy: Literal["ddp_find_unused_parameters_true", "ddp"] = setting(
        "ddp_find_unused_parameters_true", "Strategy",
        "How several processes train one model; ddp does not search for unused weights",
    )  # fmt: skip
    sync_batchnorm: bool = setting(
        False, "Shared batch norm", "Batch norm over the batches of all processes, not of each"
    )
    use_distributed_sampler: bool = setting(
        False, "Shared samples",
        "An epoch is one pass over the data shared by all processes; else each process makes a"
        " pass of its own",
    )  # fmt: skip
    seed: Int = setting(
        1234, "Seed", "Seed of weights, sample order and augmentation; -1: draw one and record it",
        ge=-1, le=2**32 - 1,
    )  # fmt: skip
    precision: Literal["32-true", "bf16-mixed", "16-mixed"] = setting(
        "32-true", "Precision", "32-true; bf16-mixed and 16-mixed: half precision on a CUDA device"
    )
    accumulate_grad_batches: Int = setting(
        1, "Accumulation", "Batches whose gradients make one step", ge=1
    )
    channels_last: bool = setting(
        False, "Channels last",
        "Keep the channels of a pixel side by side in memory: the same results within rounding,"
        " faster for encoders of convolutions",
    )  # fmt: skip
    compile: bool = setting(
        False, "Compile",
        "Compile the network (torch.compile): the same results within rounding, faster after a"
        " minute or more of compiling; needs a C++ compiler, or Triton on a GPU",
    )  # fmt: skip
    clip_grad_norm: Float = setting(
        0.0, "Gradient clipping", "Largest norm of all gradients together; 0: no limit", ge=0
    )
    results_dir: str = setting("", "Results folder", RESULTS_TEXT, is_path=True)
    resume_training_checkpoint_path: str = setting(
        "", "Resume from", "Checkpoint with optimiser state to resume from", is_path=True
    )
    pretrained_model_path: str = setting(
        "", "Model weights", "Initial weights of the whole model", is_path=True
    )
    force: bool = setting(False, "Overwrite", "Replace an earlier training in the results folder")
    optim: Optim = section(Optim, "Optimiser")
    segment: TrainSegment = section(TrainSegment, "Loss")
    ema: Ema = section(Ema, "Moving average of the weights")
    cudnn: Cudnn = section(Cudnn, "cuDNN")
    checkpointer: Checkpointer = section(Checkpointer, "Checkpoints of the best epochs")
    enable_lr_monitor: bool = setting(
        False, "Log the learning rates", "Add the learning rates to each epoch in status.json"
    )
    tensorboard: Tensorboard = section(Tensorboard, "TensorBoard")

    @field_validator("shortened")
    @classmethod
    def _in_order(cls, value: list[Shortened], info: ValidationInfo) -> list[Shortened]:
        ends = [*(cut.epochs for cut in value), info.data.get("num_epochs", 1)]
        for before, cut, end in zip([0, *(c.after for c in value)], value, ends[1:], strict=False):
            if not before < cut.after < end < cut.epochs:
                raise ValueError(
                    f"shortens after epoch {cut.after} from {cut.epochs} to {end} epochs; each must"
                    " come after the one before, and to fewer epochs, one of which is left at least"
                )
        return value

    @field_validator("checkpoint_interval", "validation_interval")
    @classmethod
    def _within_epochs(cls, value: int, info: ValidationInfo) -> int:
        epochs = info.data.get("num_epochs")
        in_steps = (
            info.field_name == "checkpoint_interval"
            and info.data.get("checkpoint_interval_unit") == "step"
        )
        if epochs is not None and value > epochs and not in_steps:
            raise ValueError(f"must be at most train.num_epochs, which is {epochs}")
        return value
