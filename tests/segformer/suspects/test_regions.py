import numpy as np
import pytest

from segformer.suspects.regions import INVENTED, MISSING, SHIFTED, SWAPPED, regions

TRUTH = np.zeros((60, 60), np.uint8)
TRUTH[20:40, 20:40] = 1


def certain(ids, probability=0.9):
    """Return probabilities of a model that is nearly sure of these classes of three."""
    others = (1 - probability) / 2
    return np.where(np.arange(3)[:, None, None] == ids, probability, others).astype(np.float32)


def changed(box, value):
    ids = TRUTH.copy()
    ids[box] = value
    return ids


@pytest.mark.parametrize(
    ("mask", "reason", "classes"),
    [
        (changed(np.s_[20:40, 20:40], 2), SWAPPED, (2, 1)),
        (changed(np.s_[20:40, 20:40], 0), MISSING, (0, 1)),
        (changed(np.s_[2:14, 2:14], 2), INVENTED, (2, 0)),
        (changed(np.s_[20:40, 40:48], 1), SHIFTED, (1, 0)),
    ],
)
def test_each_fault_of_a_mask_has_its_reason(mask, reason, classes):
    (region,) = regions(certain(TRUTH), mask)
    assert (region.reason, (region.labelled, region.predicted)) == (reason, classes)
    assert region.confidence == pytest.approx(0.85)


def test_a_region_says_where_it_is_and_the_worst_comes_first():
    mask = changed(np.s_[2:14, 4:9], 2)
    mask[50:55, 50:53] = 2
    first, second = regions(certain(TRUTH), mask)
    assert first.box == (4, 2, 5, 12)
    assert (first.pixels, second.pixels) == (60, 15)


def test_thin_borders_ignored_pixels_and_unsure_predictions_are_no_faults():
    assert regions(certain(TRUTH), changed(np.s_[20:40, 40:42], 1)) == []
    assert regions(certain(TRUTH), changed(np.s_[0:20], 255)) == []
    assert regions(certain(TRUTH, 0.5), changed(np.s_[20:40, 20:40], 2)) == []
