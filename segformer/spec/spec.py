"""The spec of every action as classes: one field gives type, default, bounds, help, annotations.

Names and defaults are TAO's where TAO has the field. Loads no torch. Each section has a module in
`sections/`; the rules that tie sections together are in `rules`.
"""

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import ValidationError, field_validator

from segformer.errors import SpecError
from segformer.spec.faults import faults_from
from segformer.spec.fields import Node, section, setting
from segformer.spec.rules import broken_rules
from segformer.spec.sections.dataset import Dataset
from segformer.spec.sections.deploy import Export, GenTrtEngine, Quantize
from segformer.spec.sections.evaluate import Evaluate, Inference
from segformer.spec.sections.model import Model
from segformer.spec.sections.train import Train
from segformer.spec.sections.wandb import Wandb
from segformer.storage.key import check_reference

ACTIONS = ("train", "evaluate", "inference", "export", "quantize", "gen_trt_engine")
"""The actions that have a section of their own name in the spec."""


class Spec(Node):
    """All settings; an action reads dataset, model and the section of its own name."""

    results_dir: str = setting("", "Results folder", "Folder above all results", is_path=True)
    encryption_key: str = setting(
        "", "Encryption key",
        "Encrypts checkpoints and exports, and opens them: the key, or better env:NAME, the"
        " environment variable that holds it",
        is_secret=True,
    )  # fmt: skip
    model_name: Literal["", "segformer"] = setting(
        "", "Model name", "TAO's field for commands of many models; empty or the name of this one"
    )
    dataset: Dataset = section(Dataset, "Data")
    model: Model = section(Model, "Network")
    train: Train = section(Train, "Training")
    wandb: Wandb = section(Wandb, "Weights & Biases")
    evaluate: Evaluate = section(Evaluate, "Evaluation")
    inference: Inference = section(Inference, "Masks of images without labels")
    export: Export = section(Export, "Export to ONNX")
    quantize: Quantize = section(Quantize, "A trained model in 8 bits")
    gen_trt_engine: GenTrtEngine = section(GenTrtEngine, "TensorRT engine of an ONNX model")

    @field_validator("encryption_key")
    @classmethod
    def _is_a_reference(cls, value: str) -> str:
        """A spec never holds a key."""
        check_reference(value)
        return value


def parse(mapping: Mapping[str, Any]) -> Spec:
    """Make a spec of a nested mapping; raises `SpecError` with every fault, one line each."""
    try:
        spec = Spec.model_validate(dict(mapping))
    except ValidationError as error:
        raise SpecError(faults_from(error, Spec)) from None
    if faults := list(broken_rules(spec.dataset, spec.model, spec.train, spec.wandb)):
        raise SpecError(faults)
    return spec
