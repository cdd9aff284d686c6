import os

import numpy as np
import pytest
import torch
from pictures import data_set, noise, save, segment
from torch.utils.data import DataLoader

from segformer.data import decoded
from segformer.data.check import check_data
from segformer.data.dataset import SegmentationDataset
from segformer.data.decoded import DiskCache
from segformer.data.sampler import EpochSampler
from segformer.data.source import source_of
from segformer.errors import DataError


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("AUTOML_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "decoded"


def settings_of(root, **values):
    return segment(data_set(root / "data"), **{"img_size": 32, "cache": "disk", **values})


def files(cache):
    return sorted(path for path in cache.rglob("*") if path.is_file())


def items(settings, **values):
    data = SegmentationDataset(settings, split="train", **values)
    return [data[0, index] for index in range(len(data))]


def equal(one, other):
    return all(torch.equal(a[key], b[key]) for a, b in zip(one, other, strict=True) for key in a)


@pytest.mark.parametrize(
    "values",
    [{}, {"resize": "pad"}, {"resize": "crop"}, {"prediction": {"mode": "slide"}}],
    ids=["squash", "pad", "crop", "slide"],
)
@pytest.mark.parametrize("augment", [False, True])
def test_pairs_from_disk_are_those_of_the_files(tmp_path, cache, values, augment):
    settings = settings_of(tmp_path, **values)
    plain = items(settings.model_copy(update={"cache": "ram"}), augment=augment)
    first = items(settings, augment=augment)
    assert len(files(cache)) == 3
    assert equal(items(settings, augment=augment), first)
    assert equal(plain, first)


def test_another_training_decodes_nothing_again(tmp_path, cache, monkeypatch):
    settings = settings_of(tmp_path)
    first = items(settings)
    monkeypatch.setattr("segformer.data.dataset.load_pair", None)
    assert equal(items(settings), first)
    other = settings.model_copy(update={"batch_size": 3, "workers": 2, "shuffle": False})
    assert equal(items(other), first)


def test_loader_processes_fill_one_cache(tmp_path, cache):
    data = SegmentationDataset(settings_of(tmp_path), split="train", augment=True)
    sampler = EpochSampler(len(data), shuffle=True, seed=1)
    first, again = (list(DataLoader(data, sampler=sampler, num_workers=2)) for _ in range(2))
    assert equal(first, again)
    assert len(files(cache)) == 3


@pytest.mark.parametrize(
    "values",
    [{"img_size": 64}, {"resize": "pad"}, {"label_transform": "norm"}, {"ignore_index": 1}],
    ids=lambda values: next(iter(values)),
)
def test_what_decides_the_pixels_has_a_set_of_its_own(tmp_path, cache, values):
    settings = settings_of(tmp_path)
    save(tmp_path / "data/masks/train/00.png", np.eye(8, 10, dtype=np.uint8) * 255)
    folders = []
    for each in (settings, settings.model_copy(update=values)):
        data = SegmentationDataset(each, split="train")
        folders.append(data._cache._folder)
    assert folders[0] != folders[1]


def test_a_file_that_changed_is_read_anew(tmp_path, cache):
    settings = settings_of(tmp_path)
    items(settings)
    path = tmp_path / "data/images/train/00.png"
    before = path.stat()
    save(path, noise(seed=9))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns + 1))
    plain = items(settings.model_copy(update={"cache": "ram"}))
    assert equal(items(settings), plain)


@pytest.mark.parametrize("harm", ["cut", "zeros", "flipped", "empty"])
def test_a_harmed_file_is_decoded_anew(tmp_path, cache, harm):
    settings = settings_of(tmp_path)
    first = items(settings)
    for path in files(cache):
        content = bytearray(path.read_bytes())
        if harm == "flipped":
            content[200] ^= 1
        path.write_bytes(
            {"cut": content[:100], "zeros": bytes(len(content)), "empty": b""}.get(harm, content)
        )
    assert equal(items(settings), first)
    assert equal(items(settings), first)


def test_an_image_that_is_gone_is_named(tmp_path, cache):
    settings = settings_of(tmp_path)
    data = SegmentationDataset(settings, split="train")
    data[0]
    data.pairs[0].image.unlink()
    with pytest.raises(DataError, match="00.png: cannot be read"):
        data[0]


def test_the_longest_unused_set_makes_room_and_then_nothing_more_is_kept(tmp_path, cache):
    pair = (np.zeros((100, 100, 3), np.uint8), np.zeros((100, 100), np.uint8), False)
    sets = []
    for name, age in (("a", 300), ("b", 200), ("c", 0)):
        settings = segment(data_set(tmp_path / name), cache="disk", cache_gb=100e3 / 1e9)
        pairs = source_of(settings).pairs("train")
        own = DiskCache(settings, pairs, is_augmented=False)
        for index in range(3 if name == "c" else 1):
            own.put(index, pair)
        os.utime(own._folder, (1e9 - age, 1e9 - age))
        sets.append(len(list(own._folder.iterdir())))
    assert sets == [1, 1, 2]
    assert len(files(cache)) == 2
    assert DiskCache(settings, pairs, is_augmented=False).get(2) is None


def test_a_disk_that_is_nearly_full_is_left_alone(tmp_path, cache, monkeypatch, caplog):
    monkeypatch.setattr(decoded, "LEAST_FREE", 1.0)
    settings = settings_of(tmp_path)
    first = items(settings)
    assert not files(cache)
    assert equal(items(settings), first)
    assert "GB of the disk are free" in caplog.text


def test_a_cache_folder_that_cannot_be_written_costs_time_only(tmp_path, monkeypatch, caplog):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("AUTOML_CACHE", str(tmp_path / "file"))
    settings = settings_of(tmp_path)
    assert equal(items(settings), items(settings.model_copy(update={"cache": "ram"})))
    assert caplog.text.count("cannot be written (Not a directory)") == 1


def test_others_cannot_read_the_pictures(tmp_path, cache):
    items(settings_of(tmp_path))
    assert {path.stat().st_mode & 0o077 for path in cache.rglob("*")} == {0}


@pytest.mark.parametrize(
    ("values", "split"),
    [
        ({"img_size": 64}, "train"),
        ({"resize": "crop"}, None),
        ({"prediction": {"mode": "slide"}, "img_size": 64}, "train"),
        ({"img_size": 64, "cache": "disk"}, None),
    ],
)
def test_the_check_names_pairs_that_no_process_can_keep(
    tmp_path, monkeypatch, caplog, values, split
):
    monkeypatch.setattr(decoded, "MEMORY_BYTES", 2 * 64 * 64 * 4 + 1)
    check_data(segment(data_set(tmp_path), **{"cache": "ram", **values}))
    lines = [line for line in caplog.messages if "decoded" in line]
    start = f"{tmp_path}: the 3 pairs of {split} take 0.0 GB decoded"
    assert [line.startswith(start) for line in lines] == ([True] if split else [])
