import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from segformer.data.sample import COUNTS, sample_pair, write_sample
from segformer.errors import SpecError


@pytest.fixture(scope="module")
def sample(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sample") / "cells"
    write_sample(folder, seed=1)
    return folder


def content(folder: Path):
    return {p.relative_to(folder): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_it_has_the_layout_of_a_data_set(sample):
    counts = {s: len(list((sample / "images" / s).iterdir())) for s in COUNTS}
    assert counts == COUNTS == {"train": 48, "val": 16, "test": 8}
    description = json.loads((sample / "dataset.json").read_text())
    assert [c["value"] for c in description["classes"]] == [0, 1, 2, 3]
    assert description["source"] == "generated"


@pytest.mark.parametrize("split", COUNTS)
def test_every_class_is_in_every_split_and_shares_differ(sample, split):
    masks = [np.asarray(Image.open(p)) for p in sorted((sample / "masks" / split).iterdir())]
    shares = np.bincount(np.ravel(masks), minlength=4) / np.size(masks)
    assert shares[0] > 0.5 > shares[1] > shares[3] > 0.01


def test_writing_again_changes_nothing(sample):
    before = content(sample)
    write_sample(sample, seed=1)
    assert content(sample) == before


def test_seeds_differ():
    one, same, other = (sample_pair(np.random.default_rng(s))[0] for s in (1, 1, 2))
    assert np.array_equal(one, same)
    assert not np.array_equal(one, other)


def test_rare_classes_are_in_every_split_and_leave_the_ground_88_percent(tmp_path):
    write_sample(tmp_path / "rare", seed=0, kind="rare")
    for split in COUNTS:
        masks = [Image.open(p) for p in (tmp_path / "rare" / "masks" / split).iterdir()]
        shares = np.bincount(np.ravel(masks), minlength=4) / np.size(masks)
        assert 0.86 < shares[0] < 0.9
        assert (shares[1:] > 0.015).all()
    assert json.loads((tmp_path / "rare" / "dataset.json").read_text())["name"] == "rare"


def test_an_unknown_kind_is_refused_with_the_nearest(tmp_path):
    with pytest.raises(SpecError, match="'rear' is not one of cells, rare; did you mean rare?"):
        write_sample(tmp_path / "set", seed=0, kind="rear")
    assert not (tmp_path / "set").exists()


def test_a_folder_of_something_else_is_left_alone(sample, tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    for folder, seed in ((tmp_path, 1), (sample, 2)):
        with pytest.raises(SpecError, match="is not empty; give a new folder"):
            write_sample(folder, seed=seed)
    assert list(tmp_path.iterdir()) == [tmp_path / "notes.txt"]
