import numpy as np
import pytest
import torch

from segformer.data.rare_classes import RareClasses
from segformer.data.sampler import EpochSampler
from segformer.parallel import sharding as share
from segformer.parallel.sharding import FILLER, Filled, SharedSampler, share_of


@pytest.fixture
def shares(monkeypatch):
    """Return a function: the shares of `size` samples among `processes`."""

    def make(size, processes, **sampler):
        found = []
        for number in range(processes):
            monkeypatch.setattr(share, "count", lambda: processes)
            monkeypatch.setattr(share, "number", lambda number=number: number)
            own = SharedSampler(EpochSampler(size, **{"shuffle": True, "seed": 5, **sampler}), size)
            own.set_epoch(3)
            assert len(own) == len(list(own))
            found.append(list(own))
        return found

    return make


@pytest.mark.parametrize(("size", "processes"), [(5, 1), (5, 2), (6, 3), (7, 4), (2, 5)])
def test_shares_are_of_one_length_and_hold_every_sample_once(shares, size, processes):
    found = shares(size, processes)
    assert len({len(part) for part in found}) == 1
    indices = sorted(index for part in found for _, index in part if index != FILLER)
    assert indices == list(range(size))
    assert {epoch for part in found for epoch, index in part if index != FILLER} == {3}


def test_one_batch_of_each_is_one_of_a_single_process(shares):
    (whole,), parts = shares(8, 1), shares(8, 2)
    for start in (0, 2):
        together = [key for part in parts for key in part[start : start + 2]]
        assert sorted(together) == sorted(whole[2 * start : 2 * start + 4])


def test_images_drawn_by_class_are_dealt_out_as_one_process_draws_them(shares):
    rare = RareClasses.of(np.array([[9, 1], *[[5, 0]] * 6]), temperature=0.1)
    (whole,), parts = shares(7, 1, rare=rare), shares(7, 3, rare=rare)
    dealt = [key for keys in zip(*parts, strict=True) for key in keys]
    assert dealt[:7] == whole
    assert dealt[7:] == [(0, FILLER)] * 2


def test_a_filler_counts_in_no_pixel(tiny_spec):
    from segformer.data.dataset import SegmentationDataset

    data = SegmentationDataset(tiny_spec().dataset.segment, split="train")
    filled = Filled(data)
    assert (filled[0, FILLER]["mask"] == 255).all()
    assert torch.equal(filled[0, FILLER]["image"], data[0, 0]["image"])
    assert torch.equal(filled[0, 1]["mask"], data[0, 1]["mask"])


def test_lists_are_dealt_out(monkeypatch):
    monkeypatch.setattr(share, "count", lambda: 2)
    monkeypatch.setattr(share, "number", lambda: 1)
    assert share_of([1, 2, 3, 4, 5]) == [2, 4]
