"""The image size of a model against that of a spec: the model's is used."""

import logging
from pathlib import Path

import torch

from segformer.errors import SpecError
from segformer.evaluation.predictor import load_predictor, model_file
from segformer.model.saved import ModelRecord
from segformer.spec.sections.dataset import DatasetSegment, size_text
from segformer.spec.spec import Spec
from segformer.storage.encryption import encryption_key_from

_log = logging.getLogger(__name__)

_DEFAULT = DatasetSegment().size


def check_image_size(action: str, spec: Spec) -> None:
    """Raise `SpecError` if the image size of a spec is not that of the model that is run."""
    if action == "quantize":
        path = Path(spec.quantize.model_path)
    else:
        path = model_file("evaluate" if action == "evaluate" else "inference", spec)
    size = spec.dataset.segment.size
    with encryption_key_from(spec.encryption_key):
        trained = recorded(path, spec).size
    if size != trained:
        raise SpecError(
            f"dataset.segment.img_size: value {size_text(size)}, but {path} was trained at"
            f" {size_text(trained)}; leave dataset.segment.img_size, img_height and img_width out"
        )


def recorded(path: Path, spec: Spec) -> ModelRecord:
    """Return the record of a model; raises `CheckpointError`."""
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    return load_predictor(path, otherwise=ModelRecord.of(spec), device=device).record


def with_trained_size(spec: Spec, record: ModelRecord) -> Spec:
    """Return a spec with the sizes and the prediction of a model.

    Warns if the spec asks for another size: the default is not asked for, and NVIDIA's templates
    have it for any model.
    """
    size, trained = spec.dataset.segment.size, record.size
    if size not in (trained, _DEFAULT):
        _log.warning(
            "dataset.segment.img_size: %s has no effect, the model was trained at %s",
            size_text(size), size_text(trained),
        )  # fmt: skip
    segment = record.shaped(spec.dataset.segment)
    dataset = spec.dataset.model_copy(update={"segment": segment})
    return spec.model_copy(update={"dataset": dataset})
