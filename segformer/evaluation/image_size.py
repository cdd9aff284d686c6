"""The image size of a model against that of a spec: the model's is used."""

import logging
from pathlib import Path

import torch

from segformer.errors import SpecError
from segformer.evaluation.predictor import load_predictor, model_file
from segformer.model.saved import ModelRecord
from segformer.spec.sections.dataset import DatasetSegment
from segformer.spec.spec import Spec
from segformer.storage.encryption import encryption_key_from

_log = logging.getLogger(__name__)

_DEFAULT = DatasetSegment().img_size


def check_image_size(action: str, spec: Spec) -> None:
    """Raise `SpecError` if the image size of a spec is not that of the model that is run."""
    if action == "quantize":
        path = Path(spec.quantize.model_path)
    else:
        path = model_file("evaluate" if action == "evaluate" else "inference", spec)
    size = spec.dataset.segment.img_size
    with encryption_key_from(spec.encryption_key):
        trained = recorded(path, spec).segment["img_size"]
    if size != trained:
        raise SpecError(
            f"dataset.segment.img_size: value {size}, but {path} was trained at {trained}; leave"
            f" dataset.segment.img_size out, or set dataset.segment.img_size={trained}"
        )


def recorded(path: Path, spec: Spec) -> ModelRecord:
    """Return the record of a model; raises `CheckpointError`."""
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    return load_predictor(path, otherwise=ModelRecord.of(spec), device=device).record


def with_trained_size(spec: Spec, record: ModelRecord) -> Spec:
    """Return a spec with the image size of a model; warns if the spec asks for another.

    The default is not asked for, and NVIDIA's templates have it for any model.
    """
    size, trained = spec.dataset.segment.img_size, record.segment["img_size"]
    if size not in (trained, _DEFAULT):
        _log.warning(
            "dataset.segment.img_size: %d has no effect, the model was trained at %d", size, trained
        )
    segment = spec.dataset.segment.model_copy(update={"img_size": trained})
    dataset = spec.dataset.model_copy(update={"segment": segment})
    return spec.model_copy(update={"dataset": dataset})
