"""The part of the spec that says how to train."""

from typing import Literal

from pydantic import ValidationInfo, field_validator

from segformer.fields import RESULTS_TEXT, Float, Int, Node, section, setting
from segformer.spec_devices import Devices


class Optim(Node):
    """The optimiser and how its learning rate falls."""

    optim: Literal["adamw", "adam", "sgd"] = setting("adamw", "Optimiser", "Optimiser")
    lr: Float = setting(
        6e-5, "Learning rate", "Learning rate of the encoder; the head learns ten times as fast",
        gt=0, automl=True, scale="log",
    )  # fmt: skip
    momentum: Float = setting(
        0.9, "Momentum", "First beta of adamw and adam; momentum of sgd", ge=0, lt=1, automl=True,
    )  # fmt: skip
    weight_decay: Float = setting(
        0.01, "Weight decay", "Decay of the weights; biases and norms have none", ge=0, le=1,
        automl=True, scale="log",
    )  # fmt: skip
    policy: Literal["linear", "step"] = setting(
        "linear", "Schedule", "linear: down to 0; step: a tenth after every third of the epochs"
    )


class Cudnn(Node):
    """Settings of cuDNN, for CUDA devices."""

    benchmark: bool = setting(False, "Benchmark", "Let cuDNN choose the fastest kernels by trying")
    deterministic: bool = setting(True, "Deterministic", "Only kernels that repeat bit for bit")


class TrainSegment(Node):
    """The loss."""

    loss: Literal["ce"] = setting("ce", "Loss", "ce: cross-entropy over the pixels that count")


class Train(Devices):
    """Settings of the train action."""

    num_epochs: Int = setting(10, "Epochs", "Passes over the data", ge=1, popular=True)
    checkpoint_interval: Int = setting(
        1, "Checkpoint interval", "Epochs between checkpoints", ge=1, popular=True
    )
    validation_interval: Int = setting(
        1, "Validation interval", "Epochs between validations", ge=1, popular=True
    )
    distributed_strategy: Literal["ddp_find_unused_parameters_true", "ddp"] = setting(
        "ddp_find_unused_parameters_true", "Strategy",
        "How several processes train one model; ddp does not look for weights without gradient",
    )  # fmt: skip
    sync_batchnorm: bool = setting(
        False, "Shared batch norm", "Norms over the batches of all processes, not of each"
    )
    use_distributed_sampler: bool = setting(
        False, "Shared samples",
        "An epoch is one pass over the data by all processes together; else by each, in an order"
        " of its own",
    )  # fmt: skip
    seed: Int = setting(1234, "Seed", "Seed of weights, order and augmentation", ge=0, le=2**32 - 1)
    results_dir: str = setting("", "Results folder", RESULTS_TEXT, is_path=True)
    resume_training_checkpoint_path: str = setting(
        "", "Resume from", "Checkpoint with optimiser state to go on from", is_path=True
    )
    pretrained_model_path: str = setting(
        "", "Model weights", "Weights that the whole model starts from", is_path=True
    )
    optim: Optim = section(Optim, "Optimiser")
    segment: TrainSegment = section(TrainSegment, "Loss")
    cudnn: Cudnn = section(Cudnn, "cuDNN")

    @field_validator("checkpoint_interval", "validation_interval")
    @classmethod
    def _within_epochs(cls, value: int, info: ValidationInfo) -> int:
        epochs = info.data.get("num_epochs")
        if epochs is not None and value > epochs:
            raise ValueError(f"must be at most train.num_epochs, which is {epochs}")
        return value
