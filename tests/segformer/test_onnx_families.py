"""Every family of encoders exports, for any size that it takes."""

import warnings

import onnxruntime
import pytest
import torch
from networks import cut, model_spec

from segformer.backbones import BACKBONES
from segformer.deploy.onnx import export
from segformer.errors import SpecError
from segformer.model.saved import ModelRecord, write_safetensors
from segformer.model.segformer import FoldedSegFormer, build

FAMILIES = (
    "mit_b0",
    "fan_tiny_8_p4_hybrid",
    "vit_large_nvdinov2",
    "vit_small_dinov3",
    "vit_base_nvclip_16_siglip",
    "convnextv2_tiny",
)


def exported(network, path):
    axes = {"input": {0: "b", 2: "h", 3: "w"}, "output": {0: "b", 2: "y", 3: "x"}}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Of torch's exporter, about itself.
        torch.onnx.export(
            FoldedSegFormer(network),
            (torch.zeros(2, 3, 96, 64),),
            str(path),
            input_names=["input"],
            output_names=["output"],
            dynamic_axes=axes,
            opset_version=17,
            dynamo=False,
        )
    return onnxruntime.InferenceSession(str(path))


@pytest.mark.slow
@pytest.mark.parametrize("name", FAMILIES)
@torch.no_grad()
def test_exported_with_free_sizes_it_is_the_same_function(name, tmp_path, monkeypatch):
    cut(monkeypatch)
    model = model_spec(name, decode_head__decoder_params__embed_dim=16)
    network = build(model, num_classes=3).eval()
    session = exported(network, tmp_path / "model.onnx")
    for batch, height, width in ((1, 96, 64), (3, 64, 64), (2, 64, 160)):
        image = torch.randn(batch, 3, height, width)
        found = torch.from_numpy(session.run(None, {"input": image.numpy()})[0])
        torch.testing.assert_close(found, network(image), atol=1e-4, rtol=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("name", FAMILIES)
def test_export_action_writes_it_without_a_warning(name, tiny_spec, tmp_path, monkeypatch, recwarn):
    cut(monkeypatch)
    size = BACKBONES[name].nearest_size(64)
    spec = tiny_spec(
        **{
            "model.backbone.type": name,
            "export.checkpoint": str(tmp_path / "w.safetensors"),
            "export.input_height": size,
            "export.input_width": size,
        }
    )
    record = ModelRecord.of(spec)
    write_safetensors(tmp_path / "w.safetensors", record.build(), record)
    assert export(spec, tmp_path / "out").metrics["max_logit_difference"] < 1e-4
    assert [str(warning.message) for warning in recwarn] == []


def test_size_that_the_backbone_cannot_take_is_refused(tiny_spec, tmp_path):
    name = "fan_tiny_8_p4_hybrid"
    spec = tiny_spec(**{"model.backbone.type": name, "export.input_height": 100})
    record = ModelRecord.of(spec)
    write_safetensors(tmp_path / "w.safetensors", record.build(), record)
    spec.export.checkpoint = str(tmp_path / "w.safetensors")
    with pytest.raises(SpecError, match=r"input_height: 100 is not allowed: .* nearest is 96"):
        export(spec, tmp_path)
