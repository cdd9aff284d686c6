import numpy as np
import pytest

from segformer.data.mix import class_region, cut_region, mixed
from segformer.data.rare_classes import RareClasses
from segformer.spec.sections.augmentation import Augmentation

SIZE = 32
GROUND = np.zeros((SIZE, SIZE), np.uint8)
OTHERS = [np.full((SIZE, SIZE), 9, np.uint8), np.repeat(np.arange(4, dtype=np.uint8), 8)[:, None]]
OTHERS[1] = np.broadcast_to(OTHERS[1], (SIZE, SIZE)).copy()
RARE = RareClasses.of(np.array([[1024, 0, 0, 0], [256] * 4]), temperature=1e-3)


def picture(mask):
    return np.stack([mask * 20] * 3, axis=2)


def result(seed=0, **settings):
    return mixed(
        picture(GROUND),
        GROUND,
        Augmentation(**settings),
        donor=lambda index: (picture(OTHERS[index]), OTHERS[index]),
        size=2,
        rare=RARE,
        draw=np.random.default_rng(seed),
    )


def test_nothing_is_mixed_and_no_number_drawn_by_default():
    draw = np.random.default_rng(0)
    before = draw.bit_generator.state
    image, mask = mixed(
        picture(GROUND), GROUND, Augmentation(), donor=None, size=2, rare=RARE, draw=draw
    )
    assert mask is GROUND
    assert draw.bit_generator.state == before


@pytest.mark.parametrize("kind", ["cutmix", "classmix"])
def test_a_part_comes_with_its_mask_in_the_share_of_images(kind):
    results = [result(s, random_mix={"mix_probability": 0.5, "kind": kind}) for s in range(100)]
    assert all(np.array_equal(image, picture(mask)) for image, mask in results)
    assert 0.3 < np.mean([mask.any() for _, mask in results]) < 0.6


def test_cutmix_takes_boxes_of_every_size():
    regions = [cut_region(GROUND, np.random.default_rng(seed)) for seed in range(200)]
    for region in regions:
        rows, columns = np.nonzero(region.any(1))[0], np.nonzero(region.any(0))[0]
        assert region.sum() == len(rows) * len(columns)
    shares = [region.mean() for region in regions]
    assert min(shares) < 0.05
    assert max(shares) > 0.9
    assert np.mean(shares) == pytest.approx(0.5, abs=0.1)


def test_classmix_takes_whole_classes_and_never_what_is_ignored():
    mask = OTHERS[1].copy()
    mask[:, :5] = 255
    chosen = [class_region(mask, np.random.default_rng(seed)) for seed in range(20)]
    assert {len(np.unique(mask[region])) for region in chosen} == {2}
    assert not any((mask[region] == 255).any() for region in chosen)
    assert not class_region(np.full_like(mask, 255), np.random.default_rng(0)).any()


def test_copy_paste_brings_one_class_the_rare_ones_more_often():
    pasted = [result(s, copy_paste_probability=1.0)[1] for s in range(50)]
    drawn = [set(np.unique(mask)) - {0} for mask in pasted]
    assert all(len(classes) == 1 for classes in drawn)
    assert set.union(*drawn) == {1, 2, 3}
    assert all(image.any() for image, _ in [result(copy_paste_probability=1.0)])
