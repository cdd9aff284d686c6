import numpy as np
import pytest
import safetensors.torch
from PIL import Image

from segformer.api import load_model
from segformer.errors import CheckpointError, DataError
from segformer.evaluation.inference import infer
from segformer.model.saved import ModelRecord, read_model, write_safetensors


@pytest.fixture(scope="module")
def image(tiny_data):
    return sorted((tiny_data / "images" / "val").iterdir())[0]


def test_five_lines_of_python_find_what_the_inference_action_finds(
    trained, tiny_spec, image, tmp_path
):
    model = load_model(trained.result.artifacts["best"])
    spec = tiny_spec(
        **{
            "inference.checkpoint": str(trained.result.artifacts["best"]),
            "inference.images_dir": str(image.parent),
        }
    )
    masks = infer(spec, tmp_path).artifacts["masks"]
    with Image.open(masks / f"{image.stem}.png") as mask, Image.open(image) as picture:
        wanted, pixels = np.asarray(mask), np.asarray(picture)
    assert (model.segment(image) == wanted).all()
    assert (model.segment(pixels) == wanted).all()
    assert model.class_names == ["ground", "left part", "right part"]
    assert model.overlay(image).size == pixels.shape[1::-1]


@pytest.mark.parametrize(
    ("image", "fault"),
    [
        (3, "an image is a file, or pixels HxWx3 as an array of uint8, and not 3"),
        ("", "and not ''"),
        (Image.new("RGB", (4, 4)), r"give numpy.asarray\(image.convert\('RGB'\)\)"),
        (np.zeros((4, 4, 3)), "pixels of type float64: give uint8"),
        (np.zeros((0, 4, 3), np.uint8), r"pixels of shape \(0, 4, 3\): there are none"),
    ],
)
def test_what_is_no_image_is_refused_in_a_line(trained, image, fault):
    model = load_model(trained.result.artifacts["best"])
    for use in (model, model.overlay):
        with pytest.raises(DataError, match=fault):
            use(image)


def test_weights_that_do_not_say_what_they_are_are_refused(trained, tmp_path):
    saved = read_model(trained.result.artifacts["best"], otherwise=ModelRecord.of(trained.spec))
    file = tmp_path / "bare.safetensors"
    write_safetensors(file, saved.build(), saved.record)
    safetensors.torch.save_file(safetensors.torch.load_file(file), file)
    with pytest.raises(
        CheckpointError, match="does not say what it is|its weights are not those of"
    ):
        load_model(file)
