import numpy as np
import pytest
import torch
from pictures import noise, segment
from PIL import Image
from torch import nn

from segformer.data import bands
from segformer.data.dataset import model_input, window_input
from segformer.data.windows import Windows
from segformer.evaluation.metrics import resize_logits
from segformer.evaluation.segmenter import Segmenter, blended


def network(seed=0):
    torch.manual_seed(seed)
    layers = nn.Sequential(nn.Conv2d(3, 6, 3, padding=1), nn.ReLU(), nn.Conv2d(6, 4, 4, stride=4))
    return layers.requires_grad_(False)


def segmenter(model=None, *, batch_size=3, **settings):
    prediction = {name: settings.pop(name) for name in list(settings) if name in PREDICTION}
    own = segment(prediction=prediction, **{"img_size": 32, **settings})
    return Segmenter(model or network(), own, align_corners=False, batch_size=batch_size)


PREDICTION = ("mode", "overlap", "blending", "flip", "scales", "window_height", "window_width")


def scores(made, picture):
    whole = None
    for top, left, piece in made.pieces(picture):
        if whole is None:
            whole = torch.full((len(piece), *picture.shape[:2]), torch.nan)
        place = whole[:, top : top + piece.shape[1], left : left + piece.shape[2]]
        assert place.isnan().all()  # No pixel comes twice.
        place[:] = piece
    assert not whole.isnan().any()
    return whole


def test_one_window_gives_the_logits_of_the_whole_image_bit_for_bit():
    picture = noise(32, 32)
    made = segmenter(mode="slide")
    inputs = model_input(picture, made.segment)[None]
    whole = resize_logits(made.model(inputs), (32, 32), align_corners=False)[0]
    assert torch.equal(scores(made, picture), whole)


@pytest.mark.parametrize("overlap", [0.0, 0.125, 0.6])
def test_blended_scores_are_the_weighted_sums_of_all_windows(overlap):
    windows = Windows.over((75, 110), (32, 40), (64, 64), overlap=overlap)
    parts = torch.randn(len(windows), 3, 32, 40, generator=torch.Generator().manual_seed(1))
    rows, columns = windows.weights()
    expected = torch.zeros(3, 75, 110)
    weights = [np.outer(row, column) for row in rows for column in columns]
    for (top, left), part, weight in zip(windows, parts, weights, strict=True):
        expected[:, top : top + 32, left : left + 40] += part * torch.from_numpy(weight)
    for top, left, piece in blended(iter(parts), windows):
        place = expected[:, top : top + piece.shape[1], left : left + piece.shape[2]]
        assert torch.allclose(piece, place, atol=1e-5)


@pytest.mark.parametrize("resize", ["squash", "pad", "crop"])
def test_ids_are_the_best_of_the_scores_at_any_size(resize):
    for size in ((70, 100), (32, 32), (20, 90), (9, 7)):
        made = segmenter(mode="slide", resize=resize)
        picture = noise(*size)
        assert np.array_equal(made.class_ids(picture), scores(made, picture).argmax(0).numpy())


def test_the_batch_of_windows_changes_nothing():
    picture = noise(70, 100)
    one, many = (segmenter(mode="slide", batch_size=size) for size in (1, 16))
    assert torch.allclose(scores(one, picture), scores(many, picture), atol=1e-5)


def test_a_local_model_is_the_same_by_windows_as_at_once():
    model, picture = nn.AvgPool2d(4), noise(96, 128)
    wide = segment(img_height=96, img_width=128)
    inputs = window_input(picture, (0, 0), (96, 128), wide)[None]
    at_once = resize_logits(model(inputs), (96, 128), align_corners=False)[0]
    by_windows = scores(segmenter(model, mode="slide", overlap=0.5), picture)
    assert (at_once - by_windows).abs().mean() < 0.02


def test_windows_give_the_tiles_of_a_mosaic_the_classes_that_these_have_alone():
    """The network looks at squares of 32 px of its input, as an encoder's coarsest map does."""
    torch.manual_seed(0)
    squares = nn.Sequential(nn.AvgPool2d(32), nn.Conv2d(3, 4, 1), nn.Upsample(scale_factor=8))
    made = segmenter(squares.requires_grad_(False), img_size=128, window_height=64, window_width=64)
    colours = np.random.default_rng(0).integers(0, 256, (4, 4, 4, 3), np.uint8)
    tiles = colours.repeat(16, axis=1).repeat(16, axis=2)
    laid = [[(3 * row + column) % 4 for column in range(8)] for row in range(4)]

    def mosaic(parts):
        return np.concatenate([np.concatenate([parts[i] for i in row], axis=1) for row in laid])

    away = np.zeros((64, 64), dtype=np.bool_)
    away[8:56, 8:56] = True
    same = made.class_ids(mosaic(tiles)) == mosaic(list(made.class_ids_of(tiles)))
    assert same[np.tile(away, (4, 8))].mean() > 0.995


def test_flat_windows_count_alike_and_tapered_ones_most_in_the_middle():
    picture = noise(48, 32)
    tapered, flat = (
        scores(segmenter(mode="slide", overlap=0.5, blending=how), picture)
        for how in ("tapered", "flat")
    )
    assert not torch.allclose(tapered, flat)
    assert torch.allclose(tapered[:, :16], flat[:, :16])


@pytest.mark.parametrize(("flip", "axes"), [("horizontal", (-1,)), ("both", (-1, -2))])
def test_a_symmetric_picture_has_a_symmetric_mask_with_flips(flip, axes):
    quarter = noise(32, 32)
    picture = np.concatenate([quarter, quarter[:, ::-1]], axis=1)
    picture = np.concatenate([picture, picture[::-1]]) if flip == "both" else picture
    plain = segmenter(mode="whole").class_ids(picture)
    flipped = segmenter(mode="whole", flip=flip).class_ids(picture)
    for axis in axes:
        assert np.array_equal(flipped, np.flip(flipped, axis))
        assert not np.array_equal(plain, np.flip(plain, axis))


def test_scales_average_probabilities_and_scale_1_alone_changes_nothing():
    picture = noise(32, 32)
    one, half, double, both = (
        scores(segmenter(mode="whole", scales=scales), picture)
        for scales in ([1.0], [0.5], [2.0], [0.5, 2.0])
    )
    assert torch.equal(one, scores(segmenter(mode="whole"), picture))
    mean = (half.softmax(0) + double.softmax(0)) / 2
    assert torch.allclose(both.exp(), mean, atol=1e-5)
    assert not torch.allclose(half, double, atol=0.1)


def test_an_even_picture_looks_the_same_at_every_larger_scale():
    model = nn.AvgPool2d(4)
    picture = np.full((64, 64, 3), [200, 100, 50], np.uint8)
    scaled = scores(segmenter(model, mode="whole", scales=[1.0, 1.5, 2.0]), picture)
    assert torch.allclose(scaled[:, 5, 5].softmax(0), scaled[:, 40, 20].softmax(0), atol=1e-5)
    plain = scores(segmenter(model, mode="whole"), picture)
    assert torch.allclose(scaled.exp(), plain.softmax(0), atol=1e-4)


@pytest.mark.parametrize(
    "settings", [{}, {"scales": [0.5, 1.0, 1.7]}, {"resize": "pad", "flip": "both"}], ids=str
)
def test_rows_that_come_in_bands_give_the_classes_of_the_whole(tmp_path, monkeypatch, settings):
    monkeypatch.setattr(bands, "_BAND", 60 * 7)
    picture = noise(150, 60)
    Image.fromarray(picture).save(tmp_path / "x.png")
    made = segmenter(mode="slide", overlap=0.3, **settings)
    read = bands.bands_of(tmp_path / "x.png", np.asarray)
    strips = list(made.strips(read))
    assert [top for top, _ in strips] == sorted({top for top, _ in strips})
    assert np.array_equal(np.concatenate([ids for _, ids in strips]), made.class_ids(picture))
