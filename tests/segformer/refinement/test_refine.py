from dataclasses import replace

import numpy as np
import pytest
import torch
from pictures import data_set, noise, save

from segformer.errors import SpecError
from segformer.evaluation.evaluate import evaluate
from segformer.evaluation.image_counts import compared
from segformer.model.saved import ModelRecord, SavedModel, read_model, write_safetensors
from segformer.model.segformer import build
from segformer.refinement.compare import counts_of
from segformer.refinement.refine import compare, refine
from segformer.spec.overrides import nested
from segformer.spec.spec import parse

SETTINGS = {
    "model.backbone.type": "mit_b0", "dataset.segment.img_size": 32,
    "dataset.segment.label_transform": "None", "dataset.segment.workers": 0,
    "model.decode_head.decoder_params.embed_dim": 8,
}  # fmt: skip


@pytest.fixture
def spec(tmp_path):
    mask = np.zeros((8, 10), dtype=np.uint8)
    mask[:4] = 1
    data_set(tmp_path / "data", train=3, val=4, mask=mask)
    return parse(nested({**SETTINGS, "dataset.segment.root_dir": str(tmp_path / "data")}))


@pytest.fixture
def files(spec, tmp_path):
    """Two models of one architecture, and one of another."""
    written = []
    for seed, width in enumerate((8, 8, 16)):
        torch.manual_seed(seed)
        model = spec.model.model_copy(deep=True)
        model.decode_head.decoder_params.embed_dim = width
        record = replace(ModelRecord.of(spec), model=model.model_dump(), epoch=seed + 1)
        written.append(tmp_path / f"{seed}.safetensors")
        write_safetensors(written[-1], build(model, num_classes=2), record)
    return written


def loaded(path, spec):
    return read_model(path, otherwise=ModelRecord.of(spec))


def larger_image(folder):
    """Make the first validation image larger than the others."""
    mask = np.zeros((14, 10), dtype=np.uint8)
    mask[:4] = 1
    save(folder / "data/images/val/00.png", noise(14, 10))
    save(folder / "data/masks/val/00.png", mask)


def with_one_class(file, spec):
    """Write a model that predicts class 0 everywhere in the place of another."""
    model = loaded(file, spec)
    weights = {**model.weights, "head.classifier.bias": torch.tensor([9.0, 0.0])}
    weights["head.classifier.weight"] = torch.zeros_like(weights["head.classifier.weight"])
    write_safetensors(file, SavedModel(file, model.record, weights).build(), model.record)


def test_an_average_has_the_mean_weights_and_norms_of_the_data(files, spec, tmp_path):
    made = loaded(refine("average", spec, files[:2], tmp_path / "a.safetensors"), spec)
    one, two = (loaded(file, spec) for file in files[:2])
    key = "head.classifier.weight"
    assert torch.allclose(made.weights[key], (one.weights[key] + two.weights[key]) / 2)
    assert made.record.epoch == 2 and made.record.metrics == {}
    norm = "head.norm.running_mean"
    assert not torch.allclose(made.weights[norm], (one.weights[norm] + two.weights[norm]) / 2)
    again = loaded(refine("average", spec, files[:2], tmp_path / "b.safetensors"), spec)
    assert all(torch.equal(again.weights[name], w) for name, w in made.weights.items())


def test_models_of_another_architecture_or_input_are_not_averaged(files, spec, tmp_path):
    with pytest.raises(SpecError, match="2.safetensors: cannot be averaged with .*: other arch"):
        refine("average", spec, [files[0], files[2]], tmp_path / "a.safetensors")
    model = loaded(files[1], spec)
    record = replace(model.record, segment={**model.record.segment, "img_size": 64})
    write_safetensors(files[1], model.build(), record)
    with pytest.raises(SpecError, match="other img_size"):
        refine("average", spec, files[:2], tmp_path / "a.safetensors")


def test_flips_are_recorded_with_the_model_and_used(files, spec, tmp_path):
    made = refine("flips", spec, files[:1], tmp_path / "f.safetensors")
    assert loaded(made, spec).record.segment["prediction"]["flip"] == "horizontal"
    assert compare("flips", spec, files[0], made, split="validation").before > 0
    with pytest.raises(SpecError, match="predicts with flips already"):
        refine("flips", spec, [made], tmp_path / "g.safetensors")


def test_windows_are_recorded_with_the_model_and_used_for_images_larger_than_one(
    files, spec, tmp_path
):
    model = loaded(files[0], spec)
    prediction = {"mode": "auto", "window_height": 8, "window_width": 10}
    record = replace(model.record, segment={**model.record.segment, "prediction": prediction})
    write_safetensors(files[0], model.build(), record)
    with pytest.raises(SpecError, match="no validation image is larger than a window"):
        refine("windows", spec, files[:1], tmp_path / "w.safetensors")
    larger_image(tmp_path)
    made = refine("windows", spec, files[:1], tmp_path / "w.safetensors")
    slid = spec.model_copy(deep=True)
    slid.dataset.segment.prediction.mode = "slide"
    whole, windows, asked = (
        counts_of(loaded(file, spec), each.dataset.segment, "validation", is_own_size=True)
        for file, each in ((files[0], spec), (made, spec), (files[0], slid))
    )
    assert (windows == asked).all()
    assert (windows[0] != whole[0]).any() and (windows[1:] == whole[1:]).all()
    with pytest.raises(SpecError, match="was not trained with .*mode=auto"):
        refine("windows", spec, [made], tmp_path / "x.safetensors")


def test_flips_that_change_nothing_gain_nothing(files, spec, tmp_path):
    larger_image(tmp_path)  # Its share of a class is another one at the size of the input.
    with_one_class(files[0], spec)
    made = refine("flips", spec, files[:1], tmp_path / "f.safetensors")
    gain = compare("flips", spec, files[0], made, split="validation")
    assert gain.before == gain.after > 0


def test_a_bias_is_found_for_a_model_that_prefers_one_class(files, spec, tmp_path):
    model = loaded(files[0], spec)
    weights = dict(model.weights)
    weights["head.classifier.bias"] = torch.tensor([0.0, 9.0])
    weights["head.classifier.weight"] = torch.zeros_like(weights["head.classifier.weight"])
    weights["head.classifier.weight"][0] = 1.0
    network = SavedModel(files[0], model.record, weights).build()
    write_safetensors(files[0], network, model.record)
    with pytest.raises(SpecError, match="no bias of a class is better than none"):
        refine("class_bias", spec, files[:1], tmp_path / "b.safetensors")


def test_values_are_those_of_evaluate(files, spec, tmp_path):
    counts = counts_of(loaded(files[0], spec), spec.dataset.segment, "validation")
    changed = spec.model_copy(deep=True)
    changed.evaluate.checkpoint, changed.evaluate.split = str(files[0]), "validation"
    result = evaluate(changed, tmp_path / "out")
    assert compared(counts, counts).before == pytest.approx(result.metrics["val_miou"])
