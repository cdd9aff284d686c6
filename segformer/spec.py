"""The spec of every action as classes: one field gives type, default, bounds, help, annotations.

Names and defaults are TAO's where TAO has the field. Loads no torch. Its sections have modules of
their own: `spec_dataset`, `spec_augmentation`, `spec_model`, `spec_train`, `spec_actions`,
`spec_deploy`.
"""

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from segformer.backbones import size_fault
from segformer.errors import SpecError
from segformer.fields import Node, section, setting
from segformer.spec_actions import Evaluate, Inference
from segformer.spec_dataset import Dataset
from segformer.spec_deploy import Export, GenTrtEngine, Quantize
from segformer.spec_faults import faults_from
from segformer.spec_model import Model, channels_fault
from segformer.spec_train import Train

ACTIONS = ("train", "evaluate", "inference", "export", "quantize", "gen_trt_engine")
"""The actions that have a section of their own name in the spec."""


class Spec(Node):
    """All settings; an action reads dataset, model and the section of its own name."""

    results_dir: str = setting("", "Results folder", "Folder above all results", is_path=True)
    dataset: Dataset = section(Dataset, "Data")
    model: Model = section(Model, "Network")
    train: Train = section(Train, "Training")
    evaluate: Evaluate = section(Evaluate, "Evaluation")
    inference: Inference = section(Inference, "Masks of images without labels")
    export: Export = section(Export, "Export to ONNX")
    quantize: Quantize = section(Quantize, "A trained model in 8 bits")
    gen_trt_engine: GenTrtEngine = section(GenTrtEngine, "TensorRT engine of an ONNX model")


def parse(mapping: Mapping[str, Any]) -> Spec:
    """Make a spec of a nested mapping; raises `SpecError` with every fault, one line each."""
    try:
        spec = Spec.model_validate(dict(mapping))
    except ValidationError as error:
        raise SpecError(faults_from(error, Spec)) from None
    segment, backbone = spec.dataset.segment, spec.model.backbone.type
    faults = (
        channels_fault(spec.model),
        size_fault("dataset.segment.img_size", segment.img_size, backbone),
    )
    if any(faults):
        raise SpecError(fault for fault in faults if fault)
    return spec
