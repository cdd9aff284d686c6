"""A checkpoint run by torch."""

from pathlib import Path

import torch
from pictures import segment

from segformer.evaluation import predictor
from segformer.evaluation.predictor import TorchPredictor
from segformer.model.saved import ModelRecord, SavedModel
from segformer.spec.sections.dataset import Dataset
from segformer.spec.sections.model import Model
from segformer.spec.spec import Spec


def test_a_cpu_segments_few_pixels_at_once_with_the_same_logits(monkeypatch):
    """In the network's maps, memory for more is asked of the system each time."""
    spec = Spec(
        dataset=Dataset(segment=segment(num_classes=3, img_size=32)),
        model=Model.model_validate({"backbone": {"type": "mit_b0"}}),
    )
    record = ModelRecord.of(spec)
    torch.manual_seed(0)
    saved = SavedModel(Path("none"), record, record.build().state_dict())
    model = TorchPredictor(saved, torch.device("cpu"))
    batches = []
    model._network.register_forward_pre_hook(lambda _, inputs: batches.append(len(inputs[0])))
    images = torch.randn(7, 3, 32, 32)
    with torch.inference_mode():
        whole = model.logits(images)
        monkeypatch.setattr(predictor, "CPU_PIXELS", 3 * 32 * 32)
        parts = model.logits(images)
        monkeypatch.setattr(predictor, "CPU_PIXELS", 1)
        model.logits(images[:2])
    assert batches == [7, 3, 3, 1, 1, 1]
    torch.testing.assert_close(parts, whole, rtol=1e-4, atol=1e-5)
