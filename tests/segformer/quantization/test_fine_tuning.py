import pytest
import torch

from segformer.errors import SpecError
from segformer.model.saved import ModelRecord, read_model
from segformer.quantization.fine_tuning import LR_SHARE, _settings_of, write_fine_tuned
from segformer.quantization.qdq import QdqSettings, quantized_graph
from segformer.quantization.quantize import FineTuned, quantize
from segformer.quantization.simulation import Roundings


@pytest.fixture(scope="module")
def roundings(onnx_file, tiny_data):
    import onnx

    images = sorted((tiny_data / "images/train").iterdir())[:2]
    whole = quantized_graph(onnx_file, images, QdqSettings(keeps_activations=True)).restored(())
    return Roundings(onnx.load(str(onnx_file)), whole)


@pytest.fixture
def tuning(quantizing, trained):
    def make(**overrides):
        best = str(trained.result.artifacts["best"])
        return quantizing(**{"quantize.model_path": best, "quantize.qat_epochs": 1, **overrides})

    return make


def test_an_epoch_changes_the_weights_and_its_repetition_gives_the_same(
    tuning, trained, roundings, tmp_path
):
    source = trained.result.artifacts["best"]
    targets = [tmp_path / "a.safetensors", tmp_path / "b.safetensors"]
    for target in targets:
        assert write_fine_tuned(tuning(), source, roundings, target) == 0
    assert targets[0].read_bytes() == targets[1].read_bytes()
    record = ModelRecord.of(tuning())
    before, after = (read_model(path, otherwise=record) for path in (source, targets[0]))
    assert before.weights.keys() == after.weights.keys()
    changed = [k for k, w in before.weights.items() if not torch.equal(w, after.weights[k])]
    assert "head.classifier.weight" in changed
    # Norms are fixed: the graph has them folded in.
    assert not [name for name in changed if "running" in name]
    assert after.record.epoch == before.record.epoch + 1


def test_it_is_a_training_of_one_process_at_a_share_of_the_rate(tuning, tmp_path):
    spec = tuning(**{"train.ema.enable": True, "train.num_gpus": 2, "train.accelerator": "cpu"})
    settings = _settings_of(spec.train, 3, tmp_path)
    assert (settings.num_epochs, settings.num_gpus, settings.ema.enable) == (3, 1, False)
    assert settings.optim.lr == pytest.approx(LR_SHARE * spec.train.optim.lr)


def test_the_results_say_what_it_brought_and_the_better_model_is_kept(tuning, tmp_path):
    result = quantize(tuning(), tmp_path)
    metrics = result.metrics
    without, tuned = metrics["val_miou_without_qat"], metrics["val_miou_with_qat"]
    assert metrics["val_miou"] == pytest.approx(max(without, tuned))
    assert metrics["qat_is_kept"] == float(tuned > without)
    verdict = "kept" if tuned > without else "no better, so left out"
    assert f"{without:.4f} without, {tuned:.4f} with it: {verdict}" in result.note


def test_products_that_were_not_simulated_are_counted():
    tuned = FineTuned(2, None, 0.4, None, 0.5, missing=2)
    assert tuned.note.endswith("0.5000 with it: kept; 2 products were not simulated.")


def test_a_graph_cannot_be_fine_tuned(quantizing, onnx_file, tmp_path):
    with pytest.raises(SpecError, match=r"qat_epochs: value 1, but .* is ONNX, which cannot be"):
        quantize(quantizing(**{"quantize.qat_epochs": 1}), tmp_path)
    with pytest.raises(SpecError, match="qat_epochs: .*quantize.backend=onnxruntime"):
        quantizing(**{"quantize.qat_epochs": 1, "quantize.backend": "torchao",
                      "quantize.mode": "weight_only_ptq"})  # fmt: skip
