import numpy as np
import pytest
from PIL import Image

from segformer.data.class_counts import balanced_weights, class_counts, class_shares
from segformer.data.labels import IGNORED


def test_pixels_are_counted_by_image_and_class(tiny_spec, tiny_data):
    counts = class_counts(tiny_spec().dataset.segment)
    masks = [np.asarray(Image.open(tiny_data / f"masks/train/{i}.png")) for i in range(5)]
    assert counts.tolist() == [[int((mask == c).sum()) for c in range(3)] for mask in masks]


def test_ignored_pixels_are_in_no_class(tiny_spec):
    palette = [
        {"label_id": label, "seg_class": f"c{label}", "rgb": [i]}
        for i, label in enumerate((0, 1, IGNORED))
    ]
    settings = {"dataset.segment.palette": palette, "dataset.segment.num_classes": 2}
    counts = class_counts(tiny_spec(**settings).dataset.segment)
    assert counts.shape == (5, 2)
    assert (counts.sum(1) < 36 * 40).all()


@pytest.mark.parametrize("kind", ["sqrt", "enet"])
def test_weights_rise_with_rareness_and_an_absent_class_has_1(kind):
    counts = np.array([[70, 0, 20], [0, 0, 10]])
    weights = balanced_weights(counts, kind)
    assert class_shares(counts).tolist() == [0.7, 0.0, 0.3]
    assert weights[1] == 1.0
    assert weights[0] < 1 < weights[2]
    assert weights[0] + weights[2] == pytest.approx(2.0)
    assert balanced_weights(counts * 0, kind) == [1.0] * 3
