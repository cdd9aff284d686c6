from segformer.data.sampler import EpochSampler


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
