import numpy as np
import pytest
from PIL import Image

from segformer.data.labels import IGNORED
from segformer.evaluation.image_scores import ImageScore
from segformer.evaluation.samples import Sample, sampled, write_sample


def scores(count):
    return [ImageScore(f"{index:02}", index / 100, 0.5) for index in range(count)]


@pytest.mark.parametrize(
    ("count", "expected"),
    [(21, "00 worst, 01 worst, 09 median, 10 median, 19 best, 20 best"),
     (3, "00 worst, 01 worst, 02 best"), (1, "00 worst"), (0, "")],
)  # fmt: skip
def test_the_worst_the_median_and_the_best_images_are_samples(count, expected):
    found = [f"{sample.score.name} {sample.kind}" for sample in sampled(scores(count))]
    assert ", ".join(found) == expected


def test_an_image_without_a_score_is_no_sample():
    assert sampled([*scores(1), ImageScore("x", None, None)])[0].score.name == "00"
    assert sampled([ImageScore("x", None, None)]) == []


def parts(folder, ids, truth, image=None):
    """Write a sample of one size and return its image, prediction, truth and errors."""
    image = np.full((*truth.shape, 3), 100, np.uint8) if image is None else image
    colours = np.arange(256, dtype=np.uint8).repeat(3).reshape(256, 3)
    sample = Sample(ImageScore("a", 0.25, 0.5), "worst")
    write_sample(folder, sample, image, ids, truth, colours)
    with Image.open(folder / sample.file) as picture:
        pixels = np.asarray(picture)
    width, gap = truth.shape[1], max(1, truth.shape[1] // 40)
    return [pixels[:, i * (width + gap) :][:, :width] for i in range(4)]


def test_errors_are_magenta_over_the_grey_image(tmp_path):
    truth = np.zeros((8, 40), np.uint8)
    ids = truth.copy()
    ids[2, 3] = 1
    errors = parts(tmp_path, ids, truth)[3]
    wrong = (errors != errors[..., :1]).any(-1)
    assert np.argwhere(wrong).tolist() == [[2, 3]]


def test_ignored_pixels_are_striped_in_the_truth_and_no_error(tmp_path):
    truth = np.zeros((40, 40), np.uint8)
    truth[:, 20:] = IGNORED
    _, _, shown, errors = parts(tmp_path, np.ones_like(truth), truth)
    for part in (shown, errors):
        assert {tuple(pixel) for pixel in part[:, 20:].reshape(-1, 3).tolist()} == {
            (60, 60, 60), (255, 255, 255),
        }  # fmt: skip
        assert len(np.unique(part[:, :20].reshape(-1, 3), axis=0)) == 1


def test_a_large_sample_is_made_small_in_its_own_shape(tmp_path):
    truth = np.zeros((300, 600), np.uint8)
    sample = Sample(ImageScore("a", 0.25, 0.5), "worst")
    write_sample(tmp_path, sample, np.zeros((300, 600, 3), np.uint8), truth, truth,
                 np.zeros((256, 3), np.uint8))  # fmt: skip
    assert np.asarray(Image.open(tmp_path / sample.file)).shape == (128, 4 * 256 + 3 * 6, 3)
