import subprocess
import sys

import numpy as np
import pytest
import torch
from PIL import Image

from segformer.evaluation.inference import class_ids as by_torch
from segformer.evaluation.inference import infer
from segformer.export.infer import Model, class_ids
from segformer.export.onnx import export

SIZES = [(40, 36), (31, 77), (200, 150)]


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    """Return a folder of images of several sizes and modes, one of them lying on its side."""
    folder, draw = tmp_path_factory.mktemp("photos"), np.random.default_rng(1)
    for index, (width, height) in enumerate(SIZES):
        coarse = draw.integers(0, 256, (height // 4, width // 4, 3), np.uint8)
        picture = Image.fromarray(coarse).resize((width, height), Image.Resampling.BILINEAR)
        picture.save(folder / f"rgb{index}.png")
        picture.convert("RGBA").save(folder / f"alpha{index}.png")
        picture.convert("L").save(folder / f"grey{index}.png")
    exif = Image.Exif()
    exif[0x0112] = 6
    picture.save(folder / "turned.jpg", exif=exif, quality=95)
    return folder


def masks_of(spec, folder):
    masks = infer(spec, folder).artifacts["masks"]
    return {path.stem: np.asarray(Image.open(path)) for path in masks.iterdir()}


@pytest.mark.parametrize(
    "settings", [{}, {"export.input_channel": 1}, {"export.batch_size": 2}], ids=["", "grey", "two"]
)
def test_all_pixels_are_those_of_the_inference_action(
    tiny_spec, trained, photos, tmp_path, settings
):
    best = str(trained.result.artifacts["best"])
    model = export(tiny_spec(**settings, **{"export.checkpoint": best}), tmp_path / "x").artifacts
    values = {"inference.checkpoint": str(model["onnx"]), "inference.images_dir": str(photos)}
    masks = masks_of(tiny_spec(**values, **{"inference.batch_size": 1}), tmp_path / "y")
    alone = Model(model["onnx"])
    assert {path.stem for path in photos.iterdir()} == masks.keys()
    for path in photos.iterdir():
        assert np.array_equal(alone.segment(path), masks[path.stem]), path
    assert alone.names == {0: "ground", 1: "left part", 2: "right part"}


@pytest.mark.parametrize("align_corners", [False, True])
@pytest.mark.parametrize("size", [(64, 64), (61, 130), (3, 5), (1, 1)])
def test_classes_are_those_of_torch(size, align_corners):
    logits = torch.randn(5, 16, 16, generator=torch.Generator().manual_seed(2))
    ours = class_ids(logits.numpy(), size, align_corners=align_corners)
    assert np.array_equal(ours, by_torch(logits, size, align_corners=align_corners))


def test_the_file_beside_the_model_runs_alone(tiny_spec, trained, photos, tmp_path):
    spec = tiny_spec(**{"export.checkpoint": str(trained.result.artifacts["best"])})
    program = export(spec, tmp_path).artifacts["infer"]
    code = (
        "import runpy, sys; sys.modules.update(dict.fromkeys(('torch', 'segformer')));"
        f" sys.argv[:] = sys.argv[1:]; runpy.run_path({str(program)!r}, run_name='__main__')"
    )
    words = [str(program), str(photos / "rgb0.png"), "--out", str(tmp_path / "masks")]
    command = [sys.executable, "-c", code, *words]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    mask = Image.open(tmp_path / "masks/rgb0.png")
    assert (mask.mode, mask.size) == ("P", SIZES[0])
    assert np.array_equal(mask, Model(tmp_path / "model.onnx").segment(photos / "rgb0.png"))
