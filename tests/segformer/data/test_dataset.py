import numpy as np
import pytest
import torch
from pictures import data_set, noise, save, segment
from torch.utils.data import DataLoader

from segformer.data import decoded
from segformer.data.dataset import SegmentationDataset, collated, split_folder
from segformer.data.sampler import EpochSampler
from segformer.errors import DataError


@pytest.fixture
def settings(tmp_path):
    return segment(data_set(tmp_path), img_size=32)


def epoch_of(settings, *, workers=0, epoch=1):
    data = SegmentationDataset(settings, split="train", augment=True, seed=5)
    sampler = EpochSampler(len(data), shuffle=True, seed=5)
    sampler.set_epoch(epoch)
    loader = DataLoader(data, batch_size=3, sampler=sampler, num_workers=workers)
    return next(iter(loader))["image"]


def test_an_item_is_normalised_and_of_the_spec_size(settings):
    settings.augmentation.mean, settings.augmentation.std = [0, 0, 0.5], [1, 1, 0.25]
    item = SegmentationDataset(settings, split="train")[0]
    assert item["image"].shape == (3, 32, 32)
    assert item["image"].dtype == torch.float32
    assert item["mask"].dtype == torch.int64
    assert 0 <= item["image"][:2].min() < item["image"][:2].max() <= 1
    assert item["image"][2].min() < -1


def test_an_image_of_the_right_size_keeps_its_pixels(tmp_path):
    data_set(tmp_path)
    save(tmp_path / "images/train/00.png", noise(32, 32))
    save(tmp_path / "masks/train/00.png", np.eye(32, dtype=np.uint8))
    item = SegmentationDataset(segment(tmp_path, img_size=32), split="train")[0]
    pixels = (item["image"] * 0.5 + 0.5).permute(1, 2, 0) * 255
    assert torch.equal(pixels.round().to(torch.uint8), torch.from_numpy(noise(32, 32)))
    assert torch.equal(item["mask"], torch.eye(32, dtype=torch.int64))


def test_a_padded_item_keeps_the_aspect_and_ignores_the_rest(tmp_path):
    settings = segment(data_set(tmp_path), img_size=40, resize="pad")
    item = SegmentationDataset(settings, split="train")[0]
    assert item["image"].shape == (3, 40, 40)
    assert item["mask"][32:].unique().tolist() == [255]
    assert item["mask"][:32].unique().tolist() == [0, 1]
    assert item["image"][:, 36:].unique().tolist() == [-1]


def test_an_item_may_be_a_rectangle(tmp_path):
    settings = segment(data_set(tmp_path), img_height=32, img_width=64)
    data = SegmentationDataset(settings, split="train", augment=True)
    for index in range(3):
        item = data[5, index]
        assert (item["image"].shape, item["mask"].shape) == ((3, 32, 64), (32, 64))


def test_crops_are_windows_of_the_image_drawn_by_seed_epoch_and_index(tmp_path):
    big = noise(64, 96)
    data_set(tmp_path)
    for kind, values in (("images", big), ("masks", big[..., 0] % 2)):
        save(tmp_path / f"{kind}/train/00.png", values)
    off = {"random_flip": {"enable": False}, "random_rotate": {"enable": False},
           "random_color": {"enable": False}, "with_scale_random_crop": {"enable": False},
           "with_random_blur": False, "with_random_crop": False}  # fmt: skip
    settings = segment(tmp_path, img_size=32, resize="crop", augmentation=off)
    items = [SegmentationDataset(settings, split="train", augment=True)[e, 0] for e in (0, 1, 0)]
    assert torch.equal(items[0]["image"], items[2]["image"])
    assert not torch.equal(items[0]["image"], items[1]["image"])
    crop = ((items[0]["image"] * 0.5 + 0.5).permute(1, 2, 0) * 255).round().numpy()
    windows = np.lib.stride_tricks.sliding_window_view(big, (32, 32, 3))[:, :, 0]
    assert np.any(np.all(windows == crop, axis=(2, 3, 4)))
    assert torch.equal(items[0]["mask"], torch.from_numpy(crop[..., 0] % 2).long())


def test_an_image_smaller_than_the_crop_is_padded_and_ignored(settings):
    settings = settings.model_copy(update={"resize": "crop"})
    item = SegmentationDataset(settings, split="train", augment=True)[0]
    assert item["image"].shape == (3, 32, 32)
    assert 0.8 < (item["mask"] == 255).float().mean() < 1


def test_what_is_segmented_by_windows_is_a_picture_of_its_own_size(settings):
    settings.resize = "crop"
    picture = SegmentationDataset(settings, split="validation")[0]
    assert picture["picture"].shape == (8, 10, 3)
    batch = collated([picture, picture])
    assert [item["mask"].shape for item in batch["items"]] == [(8, 10)] * 2


def test_augmented_items_depend_on_seed_epoch_and_index(settings):
    data = SegmentationDataset(settings, split="train", augment=True, seed=5)
    again = SegmentationDataset(settings, split="train", augment=True, seed=5)
    assert torch.equal(data[3, 1]["image"], again[3, 1]["image"])
    assert torch.equal(data[0]["image"], data[0, 0]["image"])
    assert not torch.equal(data[3, 1]["image"], data[4, 1]["image"])
    other = SegmentationDataset(settings, split="train", augment=True, seed=6)
    assert not torch.equal(data[3, 1]["image"], other[3, 1]["image"])


def test_workers_change_nothing(settings):
    assert torch.equal(epoch_of(settings), epoch_of(settings, workers=2))
    assert not torch.equal(epoch_of(settings), epoch_of(settings, epoch=2))


def test_without_augmentation_epochs_are_equal(settings):
    data = SegmentationDataset(settings, split="validation")
    assert torch.equal(data[7, 0]["image"], data[0]["image"])
    assert len(data) == 2


def test_a_file_is_read_once_as_far_as_memory_goes(settings, monkeypatch):
    cached = SegmentationDataset(settings, split="train")
    first = cached[0]["image"]
    cached.pairs[0].image.unlink()
    assert torch.equal(cached[0]["image"], first)
    monkeypatch.setattr(decoded, "MEMORY_BYTES", 0)
    cached[1]
    cached.pairs[1].image.unlink()
    with pytest.raises(DataError, match="01.png: cannot be read"):
        cached[1]


@pytest.mark.parametrize("split", ["train", "validation", "test"])
def test_a_role_has_its_folder(split):
    settings = segment(train_split="a", validation_split="b", test_split="c")
    assert split_folder(settings, split) == {"train": "a", "validation": "b", "test": "c"}[split]


def test_a_mask_that_cannot_be_used_is_named(settings, tmp_path):
    save(tmp_path / "masks/train/02.png", [[5] * 10] * 8)
    with pytest.raises(DataError, match="train/02.png: value 5 is beyond"):
        SegmentationDataset(settings, split="train")[2]


def test_masks_and_augmentation_go_by_role_whatever_the_splits_are_called(tmp_path):
    data_set(tmp_path)
    for kind in ("images", "masks"):
        for old, new in (("train", "val"), ("val", "in winter")):
            (tmp_path / kind / old).rename(tmp_path / kind / f"{new}.new")
        for folder in list((tmp_path / kind).iterdir()):
            folder.rename(tmp_path / kind / folder.stem)
    settings = segment(
        tmp_path, img_size=32, train_split="val", validation_split="in winter", test_split="none"
    )
    data = SegmentationDataset(settings, split="train", augment=True)
    assert len(data) == 3
    assert not torch.equal(data[1, 0]["image"], data[2, 0]["image"])
    held_out = SegmentationDataset(settings, split="validation")
    assert torch.equal(held_out[1, 0]["image"], held_out[2, 0]["image"])
    assert held_out[0]["mask"].unique().tolist() == [0, 1]


@pytest.mark.parametrize("workers", [1, 2])
def test_a_whole_epoch_does_not_depend_on_the_number_of_workers(settings, workers):
    def epoch(workers):
        data = SegmentationDataset(settings, split="train", augment=True, seed=5)
        sampler = EpochSampler(len(data), shuffle=True, seed=5)
        loader = DataLoader(data, batch_size=1, sampler=sampler, num_workers=workers)
        return [(batch["image"], batch["mask"]) for batch in loader]

    for (image, mask), (same_image, same_mask) in zip(epoch(0), epoch(workers), strict=True):
        assert torch.equal(image, same_image)
        assert torch.equal(mask, same_mask)
