import json

import numpy as np
import pytest
import torch
from PIL import Image

from segformer.data import bands, windows
from segformer.data.dataset import SegmentationDataset
from segformer.errors import DataError, SpecError
from segformer.evaluation.inference import infer
from segformer.evaluation.metrics import resize_logits
from segformer.evaluation.segmenter import class_ids
from segformer.model.saved import ModelRecord, read_model


@pytest.fixture
def spec(tiny_spec, trained):
    def make(**overrides):
        best = str(trained.result.artifacts["best"])
        return tiny_spec(**{"inference.checkpoint": best, **overrides})

    return make


@pytest.fixture
def images(tmp_path):
    """A folder of four images of different sizes and modes."""
    folder, draw = tmp_path / "images", np.random.default_rng(0)
    folder.mkdir()
    for name, size in (("a.png", (40, 36)), ("b.jpg", (33, 91)), ("c.bmp", (7, 5))):
        pixels = draw.integers(0, 255, (size[1], size[0], 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / name)
    Image.fromarray(draw.integers(0, 255, (64, 64), dtype=np.uint8)).save(folder / "d.png")
    return folder


def rows(folder):
    return json.loads((folder / "results.json").read_text())["images"]


def ids_of(path):
    with Image.open(path) as image:
        assert image.mode == "P"
        return np.asarray(image)


def test_every_image_of_a_folder_gets_a_mask_of_its_own_size(spec, images, tmp_path):
    settings = {"inference.images_dir": str(images), "inference.batch_size": 3}
    result = infer(spec(**settings, **{"dataset.segment.root_dir": ""}), tmp_path / "out")
    assert result.metrics == {"images": 4.0}
    for path in images.iterdir():
        mask = ids_of(tmp_path / "out" / "mask_labels" / f"{path.stem}.png")
        with Image.open(path) as image:
            assert mask.shape == image.size[::-1]
        assert mask.max() < 3
    for row in rows(tmp_path / "out"):
        assert sum(row["pixels"].values()) == row["width"] * row["height"]


def test_the_images_of_a_split_need_no_masks(spec, tiny_data, tmp_path):
    infer(spec(**{"dataset.segment.predict_split": "val"}), tmp_path)
    assert [row["image"] for row in rows(tmp_path)] == [
        str(tiny_data / f"images/val/{i}.png") for i in range(3)
    ]


def test_a_mask_is_what_the_model_says_of_the_image_as_in_evaluation(spec, trained, tmp_path):
    infer(spec(**{"dataset.segment.predict_split": "val"}), tmp_path)
    best = trained.result.artifacts["best"]
    network = read_model(best, otherwise=ModelRecord.of(trained.spec)).build()
    data = SegmentationDataset(trained.spec.dataset.segment, split="validation")
    for index, pair in enumerate(data.pairs):
        with torch.inference_mode():
            logits = network(data[index]["image"][None])
        expected = resize_logits(logits, (36, 40), align_corners=False).argmax(1)[0]
        found = ids_of(tmp_path / "mask_labels" / f"{pair.stem}.png")
        assert np.mean(found == expected.numpy()) > 0.999  # Batches of 1 and 3 round differently.


@pytest.mark.parametrize(("every", "expected"), [(1, "abcd"), (2, "ac"), (3, "ad"), (0, "")])
def test_overlays_are_of_every_nth_batch(spec, images, tmp_path, every, expected):
    settings = {"inference.batch_size": 1, "inference.vis_after_n_batches": every}
    infer(spec(**settings, **{"inference.images_dir": str(images)}), tmp_path / "out")
    found = sorted(path.stem for path in (tmp_path / "out" / "vis_overlay").iterdir())
    assert found == list(expected)
    assert [bool(row["overlay"]) for row in rows(tmp_path / "out")] == [s in found for s in "abcd"]


def test_an_overlay_is_half_the_image_and_half_the_colour_of_the_class(spec, images, tmp_path):
    infer(spec(**{"inference.images_dir": str(images)}), tmp_path)
    image = np.asarray(Image.open(images / "a.png")).astype(int)
    shown = np.asarray(Image.open(tmp_path / "vis_overlay" / "a.png")).astype(int)
    mask = np.asarray(Image.open(tmp_path / "mask_labels" / "a.png").convert("RGB")).astype(int)
    assert np.array_equal(shown, (image + mask) // 2)


@pytest.mark.parametrize("align_corners", [False, True])
def test_class_by_class_the_likeliest_is_that_of_all_at_once(align_corners):
    logits = torch.randn(5, 8, 8, generator=torch.Generator().manual_seed(0))
    whole = resize_logits(logits[None], (37, 50), align_corners=align_corners).argmax(1)[0]
    found = class_ids(logits, (37, 50), align_corners=align_corners)
    assert np.array_equal(found, whole.numpy())


def test_an_onnx_model_gives_the_same_masks(spec, trained, tiny_spec, images, tmp_path):
    from segformer.export.onnx import export

    size = {"export.input_height": 32, "export.input_width": 32}
    best = str(trained.result.artifacts["best"])
    onnx = export(tiny_spec(**size, **{"export.checkpoint": best}), tmp_path / "export")
    for name, model in (("torch", best), ("onnx", str(onnx.artifacts["onnx"]))):
        infer(
            spec(**{"inference.checkpoint": model, "inference.images_dir": str(images)}),
            tmp_path / name,
        )
    for stem in "abcd":
        one, other = (
            ids_of(tmp_path / name / "mask_labels" / f"{stem}.png") for name in ("torch", "onnx")
        )
        assert np.mean(one == other) > 0.999


def test_what_is_no_image_is_named_when_the_others_are_done(spec, images, tmp_path):
    (images / "broken.png").write_bytes(b"no picture")
    with pytest.raises(DataError, match=r"broken\.png: is not an image.*\n.* other 4 images"):
        infer(spec(**{"inference.images_dir": str(images)}), tmp_path / "out")
    assert len(rows(tmp_path / "out")) == 4
    told = (tmp_path / "out" / "status.json").read_text().splitlines()
    assert json.loads(told[-1])["status"] == "FAILURE"


def test_images_that_would_share_a_result_are_refused(spec, images, tmp_path):
    (images / "a.bmp").write_bytes((images / "c.bmp").read_bytes())
    with pytest.raises(DataError, match=r"a\.png: has the same stem as a\.bmp"):
        infer(spec(**{"inference.images_dir": str(images)}), tmp_path / "out")


def test_without_a_folder_or_a_split_there_is_nothing_to_do(spec, tmp_path):
    with pytest.raises(SpecError, match=r"inference\.images_dir: is not set"):
        infer(spec(**{"dataset.segment.root_dir": ""}), tmp_path)
    with pytest.raises(DataError, match="images/night: no such folder"):
        infer(spec(**{"dataset.segment.predict_split": "night"}), tmp_path)
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match=r"empty: holds no \.png"):
        infer(spec(**{"inference.images_dir": str(tmp_path / "empty")}), tmp_path)


def test_files_that_are_no_images_are_named(spec, images, tmp_path, caplog):
    (images / "e.tga").write_bytes(b"")
    (images / "within").mkdir()
    infer(spec(**{"inference.images_dir": str(images)}), tmp_path / "out")
    assert "2 files are not images and are skipped: e.tga, within" in caplog.text


def test_a_much_larger_picture_is_segmented_by_windows_and_says_so(spec, tmp_path, caplog):
    (tmp_path / "images").mkdir()
    pixels = np.random.default_rng(0).integers(0, 255, (90, 130, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "images/large.png")
    keys = {"inference.images_dir": str(tmp_path / "images")}
    infer(spec(**keys), tmp_path / "auto")
    assert "large.png: 130x90 pixels are more than 2 times the pictures" in caplog.text
    caplog.clear()
    for mode in ("slide", "whole"):
        infer(spec(**keys, **{"dataset.segment.prediction.mode": mode}), tmp_path / mode)
    assert not caplog.text
    auto, slide, _ = masks = [
        ids_of(tmp_path / mode / "mask_labels/large.png") for mode in ("auto", "slide", "whole")
    ]
    assert np.array_equal(auto, slide)
    assert {mask.shape for mask in masks} == {(90, 130)}


@pytest.mark.parametrize("name", ["large.png", "large.tif", "large.jpg"])
def test_a_picture_in_bands_has_the_mask_and_overlay_of_the_whole(
    spec, tmp_path, monkeypatch, name
):
    pixels = np.random.default_rng(0).integers(0, 255, (150, 90, 3), dtype=np.uint8)
    (tmp_path / "images").mkdir()
    Image.fromarray(pixels).save(tmp_path / "images" / name)
    keys = {"inference.images_dir": str(tmp_path / "images")}
    infer(spec(**keys), tmp_path / "whole")
    monkeypatch.setattr(bands, "MOST_PIXELS", 5000)
    monkeypatch.setattr(bands, "_BAND", 900)
    infer(spec(**keys), tmp_path / "bands")
    for kind in ("mask_labels", "vis_overlay"):
        whole, strips = (
            np.asarray(Image.open(tmp_path / way / kind / "large.png"))
            for way in ("whole", "bands")
        )
        assert np.array_equal(whole, strips)
    assert rows(tmp_path / "whole") == rows(tmp_path / "bands")


def test_a_large_picture_that_is_cut_off_leaves_no_mask(spec, tmp_path, monkeypatch):
    monkeypatch.setattr(bands, "MOST_PIXELS", 5000)
    (tmp_path / "images").mkdir()
    pixels = np.random.default_rng(0).integers(0, 255, (150, 90, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "images/large.tif")
    content = (tmp_path / "images/large.tif").read_bytes()
    (tmp_path / "images/large.tif").write_bytes(content[:20] + content[20:-9000])
    with pytest.raises(DataError, match=r"large\.tif: "):
        infer(spec(**{"inference.images_dir": str(tmp_path / "images")}), tmp_path / "out")
    assert not list((tmp_path / "out/mask_labels").iterdir())


def test_a_large_picture_is_not_shrunk_whole(spec, tmp_path, monkeypatch):
    monkeypatch.setattr(windows, "MOST_PIXELS", 5000)
    monkeypatch.setattr(bands, "MOST_PIXELS", 5000)
    (tmp_path / "images").mkdir()
    Image.new("RGB", (90, 150)).save(tmp_path / "images/large.png")
    keys = {"inference.images_dir": str(tmp_path / "images")}
    with pytest.raises(DataError, match=r"scaled at once; .*mode=slide takes windows"):
        infer(spec(**keys, **{"dataset.segment.prediction.mode": "whole"}), tmp_path / "out")
