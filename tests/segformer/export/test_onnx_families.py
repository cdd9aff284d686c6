"""Every family of encoders exports, for any size that it takes, and to TensorRT."""

import warnings
from types import SimpleNamespace

import onnx
import onnxruntime
import pytest
import torch
from networks import cut, model_spec

from segformer.engine.builder import parsed
from segformer.engine.precision import cast_to
from segformer.errors import SpecError
from segformer.evaluation.evaluate import evaluate
from segformer.evaluation.tensorrt import logger, tensorrt
from segformer.export.onnx import export
from segformer.model.encoders import convnext, mit
from segformer.model.saved import ModelRecord, write_safetensors
from segformer.model.segformer import FoldedSegFormer, build
from segformer.spec.backbones import BACKBONES

FAMILIES = (
    "mit_b0",
    "fan_tiny_8_p4_hybrid",
    "vit_large_nvdinov2",
    "vit_small_dinov3",
    "vit_base_nvclip_16_siglip",
    "convnextv2_tiny",
    "efficientnet_lite0",
)


@pytest.fixture(scope="module", autouse=True)
def _few_blocks():
    """Build networks of a block a stage: the next ones are of the same operations."""
    with pytest.MonkeyPatch.context() as patch:
        cut(patch, depth=1)
        patch.setitem(mit.DEPTHS, "mit_b0", (1, 1, 1, 1))
        patch.setitem(convnext.DEPTHS, "convnextv2_tiny", (1, 1, 1, 1))
        yield


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
def test_exported_with_free_sizes_it_is_the_same_function(name, tmp_path):
    model = model_spec(name, decode_head__decoder_params__embed_dim=16)
    network = build(model, num_classes=3).eval()
    session = exported(network, tmp_path / "model.onnx")
    for height, width in ((96, 64), (64, 64), (64, 160)):
        for batch in (1, 4):
            image = torch.randn(batch, 3, height, width)
            found = torch.from_numpy(session.run(None, {"input": image.numpy()})[0])
            torch.testing.assert_close(found, network(image), atol=1e-4, rtol=1e-4)


@pytest.fixture(scope="module", params=FAMILIES)
def family(request, tiny_spec, tmp_path_factory):
    """Return a small network of each family with random weights, exported by the action."""
    folder, size = tmp_path_factory.mktemp("family"), BACKBONES[request.param].nearest_size(64)
    weights = folder / "w.safetensors"
    spec = tiny_spec(
        **{
            "model.backbone.type": request.param,
            "dataset.segment.img_size": size,
            "export.checkpoint": str(weights),
            "export.input_height": size,
            "export.input_width": size,
            "evaluate.split": "validation",
            "evaluate.vis_after_n_batches": 0,
        }
    )
    record = ModelRecord.of(spec)
    torch.manual_seed(0)
    write_safetensors(weights, record.build(), record)
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        made = export(spec, folder / "out")
    return SimpleNamespace(
        spec=spec, weights=weights, onnx=made.artifacts["onnx"], metrics=made.metrics,
        warned=warned,
    )  # fmt: skip


@pytest.mark.slow
def test_export_action_writes_it_without_a_warning(family):
    assert family.metrics["max_logit_difference"] < 1e-4
    assert [str(warning.message) for warning in family.warned] == []


@pytest.mark.slow
def test_exported_model_scores_as_the_weights(family, tmp_path):
    scores = []
    for path in (family.weights, family.onnx):
        family.spec.evaluate.checkpoint = str(path)
        scores.append(evaluate(family.spec, tmp_path / path.name).metrics["val_miou"])
    assert scores[0] == pytest.approx(scores[1], abs=1e-3)


@pytest.mark.slow
@pytest.mark.parametrize("precision", ["fp32", "fp16"])
def test_tensorrt_parses_it(family, precision):
    pytest.importorskip("tensorrt_rtx", reason="parses without a GPU; it is the extra trt")
    graph, log = onnx.load(family.onnx), logger()
    graph = graph if precision == "fp32" else cast_to(graph, precision)
    network, _ = parsed(graph, tensorrt().Builder(log), log, source=family.onnx)
    assert tuple(network.get_output(0).shape)[:2] == (-1, 3)


def test_size_that_the_backbone_cannot_take_is_refused(tiny_spec, tmp_path):
    name = "fan_tiny_8_p4_hybrid"
    spec = tiny_spec(**{"model.backbone.type": name, "export.input_height": 100})
    record = ModelRecord.of(spec)
    write_safetensors(tmp_path / "w.safetensors", record.build(), record)
    spec.export.checkpoint = str(tmp_path / "w.safetensors")
    with pytest.raises(SpecError, match=r"input_height: 100 is not allowed: .* nearest is 96"):
        export(spec, tmp_path)
