import numpy as np

from segformer.data.rare_classes import RareClasses
from segformer.data.sampler import EpochSampler

RARE = RareClasses.of(np.array([[99, 1], [50, 0], [50, 0], [50, 0]]), temperature=0.5)


def test_without_shuffle_the_order_is_that_of_the_names():
    sampler = EpochSampler(3, shuffle=False, seed=1)
    sampler.set_epoch(2)
    assert list(sampler) == [(2, 0), (2, 1), (2, 2)]
    assert len(sampler) == 3


def test_the_order_depends_on_seed_and_epoch_alone():
    def order(seed, epoch):
        sampler = EpochSampler(50, shuffle=True, seed=seed)
        sampler.set_epoch(epoch)
        keys = list(sampler)
        assert {e for e, _ in keys} == {epoch}
        return [index for _, index in keys]

    assert order(1, 0) == order(1, 0)
    assert sorted(order(1, 1)) == list(range(50))
    assert len({tuple(order(seed, epoch)) for seed in (1, 2) for epoch in (0, 1)}) == 4


def test_skipped_samples_are_left_out_of_one_pass():
    sampler = EpochSampler(5, shuffle=True, seed=0)
    whole = list(sampler)
    sampler.skip(2)
    assert list(sampler) == whole[2:]
    assert list(sampler) == whole
    assert len(sampler) == 5


def test_images_of_rare_classes_are_drawn_more_often_and_each_time_as_another_item():
    sampler = EpochSampler(200, shuffle=True, seed=0, rare=RARE)
    keys = list(sampler)
    assert len(set(keys)) == len(keys) == len(sampler)
    of_rare = [repeat for _, index, repeat in keys if index == 0]
    assert len(of_rare) > 160
    assert of_rare == list(range(len(of_rare)))


def test_draws_depend_on_seed_and_epoch_alone_and_can_be_skipped():
    def order(seed, epoch, skipped=0):
        sampler = EpochSampler(40, shuffle=True, seed=seed, rare=RARE)
        sampler.set_epoch(epoch)
        sampler.skip(skipped)
        return list(sampler)

    assert order(1, 2) == order(1, 2)
    assert order(1, 2, skipped=15) == order(1, 2)[15:]
    indices = {tuple(k[1] for k in order(seed, epoch)) for seed in (1, 2) for epoch in (0, 1)}
    assert len(indices) == 4
