"""Saved models: weights with a record of how to build and use them."""

import argparse
import json
import pickle
import struct
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
import torch
from pydantic import ValidationError
from torch import Tensor

from segformer.errors import CheckpointError, SpecError
from segformer.model.segformer import SegFormer, build
from segformer.spec import Spec
from segformer.spec.rules import prediction_faults
from segformer.spec.sections.dataset import DatasetSegment
from segformer.spec.sections.model import Model
from segformer.storage.encryption import is_encrypted, reading, writing

ENTRY = "segformer"
"""Name of the record in a checkpoint, in safetensors metadata and in ONNX metadata."""

_SEGMENT_KEYS = (
    "num_classes", "palette", "img_size", "img_height", "img_width", "resize", "prediction",
    "label_transform", "ignore_index", "image_bits", "bands",
)  # fmt: skip
_SHAPE_KEYS = ("img_size", "img_height", "img_width", "resize", "image_bits")


_NOT_OF_THE_MODEL = {"pretrained_backbone_path", "drop_path_rate", "freeze_batchnorm"}
"""Settings of the encoder for its training alone."""


@dataclass(frozen=True)
class ModelRecord:
    """The record in a saved model; it holds no path and no time."""

    model: dict[str, Any]
    """The spec's model section."""
    segment: dict[str, Any]
    """The part of dataset.segment that is needed to use the model."""
    epoch: int = 0
    """Epochs trained."""
    metrics: dict[str, float] = field(default_factory=dict)
    """Metrics of that epoch; empty if it was not validated."""
    best: float | None = None
    """Highest val_miou of the training so far."""
    temperature: float = 1.0
    """What the logits are divided by before they become probabilities."""

    @classmethod
    def of(cls, spec: Spec) -> "ModelRecord":
        """Return the record of an untrained model."""
        model = spec.model.model_dump(exclude={"backbone": _NOT_OF_THE_MODEL})
        segment = spec.dataset.segment.model_dump()
        kept = {key: segment[key] for key in _SEGMENT_KEYS}
        scaling = {key: segment["augmentation"][key] for key in ("mean", "std")}
        return cls(model=model, segment=kept | {"augmentation": scaling})

    @classmethod
    def from_dict(cls, mapping: Any, *, source: Path) -> "ModelRecord":
        """Read the output of `to_dict`; raises `CheckpointError` for anything else."""
        try:
            record = cls(**mapping)
            Model.model_validate(record.model)
            DatasetSegment.model_validate(record.segment)
        except (TypeError, ValidationError) as error:
            first = str(error).splitlines()[0]
            raise CheckpointError(f"{source}: its '{ENTRY}' entry is not ours ({first})") from None
        return record

    def to_dict(self) -> dict[str, Any]:
        """Return plain nested values."""
        # Through JSON, so that equal records pickle to equal bytes, whichever objects they share.
        plain: dict[str, Any] = json.loads(self.to_json())
        return plain

    def to_json(self) -> str:
        """Return `to_dict` as JSON."""
        return json.dumps(asdict(self), sort_keys=True)

    def after(
        self, epoch: int, metrics: Mapping[str, float], *, best: float | None
    ) -> "ModelRecord":
        """Return the record of the same model after more training."""
        return replace(self, epoch=epoch, metrics=dict(metrics), best=best)

    def build(self) -> SegFormer:
        """Build the network, randomly initialised."""
        model = Model.model_validate(self.model)
        return build(model, num_classes=self.segment["num_classes"], in_channels=self.channels)

    def applied_to(self, segment: DatasetSegment) -> DatasetSegment:
        """Return `segment` with the sizes and scaling that the model was trained with.

        The meaning of the masks stays that of `segment`, and so do settings of the prediction that
        are not left to the model. Raises `SpecError` if its num_classes is not the model's, or for
        a prediction that the model cannot make.
        """
        own, requested = self.segment["num_classes"], segment.num_classes
        if own != requested:
            raise SpecError(
                f"dataset.segment.num_classes: value {requested}, but the checkpoint has {own}"
                f" classes; set dataset.segment.num_classes={own} or give another checkpoint"
            )
        scaling = segment.augmentation.model_copy(update=self.segment["augmentation"])
        return self.shaped(segment).model_copy(update={"augmentation": scaling})

    def shaped(self, segment: DatasetSegment) -> DatasetSegment:
        """Return `segment` with the model's sizes, and its prediction where that is left to it.

        The bands of the files are those of `segment`, if it names as many as the model takes.
        """
        own = DatasetSegment.model_validate(self.segment)
        kept = {key: getattr(own, key) for key in _SHAPE_KEYS if key in self.segment}
        kept["bands"] = own.bands if segment.bands is None else segment.bands
        if segment.bands is not None and segment.channels != own.channels:
            raise SpecError(
                f"dataset.segment.bands: {segment.bands} is not allowed: the model takes"
                f" {own.channels} bands; give as many, or leave it out"
            )
        prediction = segment.prediction.over(own.prediction)
        shaped = segment.model_copy(update={**kept, "prediction": prediction})
        if faults := list(prediction_faults(shaped)):
            raise SpecError(faults)
        return shaped

    @property
    def channels(self) -> int:
        """Channels of the model's input."""
        return DatasetSegment.model_validate(self.segment).channels

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of the model's input in pixels."""
        return DatasetSegment.model_validate(self.segment).size


@dataclass(frozen=True)
class SavedModel:
    """Weights as read from a file, with their record."""

    source: Path
    record: ModelRecord
    weights: dict[str, Tensor]

    @property
    def _is_quantized(self) -> bool:
        """Whether some weights are in 8 bits: such tensors have their own class."""
        return any(type(weight) is not Tensor for weight in self.weights.values())

    def build(self) -> SegFormer:
        """Build the network with these weights, in evaluation mode; raises `CheckpointError`."""
        network = self.record.build()
        try:
            network.load_state_dict(self.weights, assign=self._is_quantized)
        except RuntimeError as error:
            lines = [line.strip() for line in str(error).splitlines()[1:3]]
            raise CheckpointError(
                f"{self.source}: its weights are not those of"
                f" {self.record.model['backbone']['type']} with"
                f" {self.record.segment['num_classes']} classes: {' '.join(lines)}"
            ) from None
        return network.eval()


_KINDS_OF_OTHERS = {
    ".onnx": "an ONNX graph, whose weights no checkpoint has",
    ".engine": "a TensorRT engine, whose weights no checkpoint has",
    ".safetensors": "safetensors, which holds weights only",
    **dict.fromkeys((".tlt", ".etlt"), "a file that TAO encrypted, and only TAO opens it"),
    **dict.fromkeys((".hdf5", ".h5"), "a file of TAO's TensorFlow models"),
}
"""What a file that torch cannot read is by its suffix."""

_UNREADABLE = (
    pickle.UnpicklingError, struct.error, EOFError, RuntimeError, ArithmeticError, AssertionError,
    AttributeError, LookupError, MemoryError, TypeError, ValueError,
)  # fmt: skip
"""What torch's own unpickler raises, which takes any bytes for its commands."""


def load_torch(path: Path) -> dict[str, Any]:
    """Read a torch file without executing code in it; raises `CheckpointError`.

    A namespace of options, which training scripts save beside the weights, is only data.
    """
    try:
        with reading(path) as file, torch.serialization.safe_globals([argparse.Namespace]):
            content = torch.load(file, map_location="cpu", weights_only=True)
    except (*_UNREADABLE, OSError) as error:
        # Not torch's text: it advises a load that runs code of the file.
        kind = _KINDS_OF_OTHERS.get(path.suffix.lower())
        if kind is not None and not isinstance(error, OSError):
            raise CheckpointError(f"{path}: is {kind}; give a .ckpt or .pth") from error
        cause = (
            error.strerror if isinstance(error, OSError) else None
        ) or "it is damaged, is no torch file, or holds more than weights"
        raise CheckpointError(
            f"{path}: cannot be read as a checkpoint ({cause});"
            " give another file, or remove this one to start anew"
        ) from error
    if not isinstance(content, dict):
        raise CheckpointError(f"{path}: holds {type(content).__name__}, not a mapping of weights")
    return content


def load_safetensors(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Return weights and metadata of a safetensors file; raises `CheckpointError`."""
    try:
        with reading(path) as content:
            if is_encrypted(path):
                return _weights_and_metadata(content.read())
        with safetensors.safe_open(str(path), framework="pt") as file:
            metadata = file.metadata() or {}
            return {key: file.get_tensor(key) for key in file.keys()}, metadata  # noqa: SIM118
    except (safetensors.SafetensorError, OSError) as error:
        raise CheckpointError(f"{path}: cannot be read as safetensors ({error})") from error


def _weights_and_metadata(content: bytes) -> tuple[dict[str, Tensor], dict[str, str]]:
    # The library reads metadata only from files: they are in a JSON header that follows its size.
    size = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + size])
    return safetensors.torch.load(content), header.get("__metadata__", {})


def read_model(path: Path, *, otherwise: ModelRecord) -> SavedModel:
    """Read a .ckpt or .safetensors of ours; raises `CheckpointError`.

    Args:
        path: The file.
        otherwise: The record to use if the file has none.
    """
    if not path.is_file():
        raise CheckpointError(f"{path}: there is no such file; give a .ckpt or .safetensors")
    if path.suffix == ".safetensors":
        weights, metadata = load_safetensors(path)
        entry = metadata.get(ENTRY)
        record = record_from_json(entry, source=path) if entry else otherwise
        return SavedModel(path, record, weights)
    content = load_torch(path)
    record = ModelRecord.from_dict(content[ENTRY], source=path) if ENTRY in content else otherwise
    return SavedModel(path, record, without_prefix(content.get("state_dict", content)))


def record_from_json(text: str, *, source: Path) -> ModelRecord:
    """Read the output of `ModelRecord.to_json`; raises `CheckpointError`."""
    try:
        mapping = json.loads(text)
    except json.JSONDecodeError as error:
        raise CheckpointError(f"{source}: its '{ENTRY}' entry is not JSON ({error})") from None
    return ModelRecord.from_dict(mapping, source=source)


def without_prefix(weights: Mapping[str, Any], prefix: str = "model.") -> dict[str, Tensor]:
    """Return the tensors, named as in the network: Lightning prefixes the attribute's name."""
    return {key.removeprefix(prefix): x for key, x in weights.items() if isinstance(x, Tensor)}


def write_safetensors(path: Path, network: SegFormer, record: ModelRecord) -> None:
    """Write weights with their record as metadata."""
    weights = {key: value.contiguous() for key, value in network.state_dict().items()}
    with writing(path) as file:
        file.write(safetensors.torch.save(weights, metadata={ENTRY: record.to_json()}))
