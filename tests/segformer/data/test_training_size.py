import numpy as np
from pictures import data_set, noise, save, segment
from PIL import Image

from segformer.data.images import image_size
from segformer.data.training_size import with_own_prediction
from segformer.spec.sections.prediction import Prediction


def test_a_window_is_as_large_as_the_median_training_picture(tmp_path):
    data_set(tmp_path)
    save(tmp_path / "images/train/00.png", noise(90, 90))
    own = with_own_prediction(segment(tmp_path, img_size=64)).prediction
    assert (own.mode, own.window_height, own.window_width) == ("auto", 8, 10)
    assert (own.overlap, own.blending, own.flip, own.scales) == (0.125, "tapered", "none", [1.0])


def test_a_window_of_crops_is_the_input(tmp_path):
    settings = segment(data_set(tmp_path), img_size=64, img_width=32, resize="crop")
    own = with_own_prediction(settings).prediction
    assert (own.mode, own.window_height, own.window_width) == ("slide", 64, 32)


def test_what_the_user_sets_is_kept(tmp_path):
    asked = Prediction(mode="slide", window_height=50, overlap=0.5, flip="both", scales=[1, 2])
    own = with_own_prediction(segment(data_set(tmp_path), prediction=asked)).prediction
    assert own.model_dump() == {**asked.model_dump(), "window_width": 10, "blending": "tapered"}
    whole = segment(tmp_path, prediction={"mode": "whole"})
    assert with_own_prediction(whole).prediction.window_height is None


def test_a_size_is_that_of_the_upright_image(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(noise(20, 30)).save(tmp_path / "a.jpg", exif=exif)
    Image.fromarray(np.zeros((5, 6), np.uint16)).save(tmp_path / "b.tif")
    assert image_size(tmp_path / "a.jpg") == (30, 20)
    assert image_size(tmp_path / "b.tif") == (5, 6)
