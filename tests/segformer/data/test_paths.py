import json

import layouts
import pytest
from pictures import segment

from segformer.data.convert import import_data
from segformer.data.paths import folder_of_paths
from segformer.data.source import source_of
from segformer.errors import DataError
from segformer.skill import skill


@pytest.fixture
def paths(tmp_path):
    """Return paths of splits whose folders have names of their own."""
    layouts.split_pairs(tmp_path / "photos {}", tmp_path / "labels {}", ("2023", "2024"))
    return {
        split: {
            "images": str(tmp_path / f"photos {year}"),
            "masks": str(tmp_path / f"labels {year}"),
        }
        for split, year in (("train", "2023"), ("val", "2024"))
    }


def test_paths_are_read_where_they_lie_with_the_keys_of_a_description(paths):
    classes = [{"value": v, "name": name} for v, name in enumerate("abc")]
    folder = folder_of_paths({**paths, "classes": classes})
    assert folder_of_paths({**paths, "classes": classes}) == folder
    spec = skill.resolve("train", {"dataset.segment.root_dir": str(folder)})
    assert [e["seg_class"] for e in spec["dataset"]["segment"]["palette"]] == ["a", "b", "c"]
    splits = source_of(segment(folder)).splits
    assert {split: [p.stem for p in pairs] for split, pairs in splits.items()} == {
        "train": ["a", "b"],
        "val": ["c", "d"],
    }


def test_splits_of_a_description_begin_at_the_data_set_and_are_imported(paths, tmp_path):
    splits = {"train": {"images": "photos 2023", "masks": "labels 2023"}}
    (tmp_path / "dataset.json").write_text(json.dumps({"splits": splits}))
    assert [p.stem for p in source_of(segment(tmp_path)).splits["train"]] != []
    report = import_data("auto", tmp_path, tmp_path.parent / "imported")
    assert report.counts["train"] == report.counts["val"] == 1
    assert "splits" not in json.loads((tmp_path.parent / "imported/dataset.json").read_text())


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ({}, 'data: wants "train"'),
        ({"train": {"images": "a"}}, "data: splits.train.masks is None, not a folder"),
        ({"train": "a"}, "data: splits.train is 'a', not"),
        ({"train": {"images": "a", "masks": "b"}, "vall": {}}, "data: unknown key 'vall'"),
    ],
)
def test_paths_that_are_not_understood_are_refused(content, words):
    with pytest.raises(DataError, match=words):
        folder_of_paths(content)


def test_a_folder_that_does_not_exist_is_named(tmp_path):
    missing = {"images": str(tmp_path / "no"), "masks": str(tmp_path)}
    folder = folder_of_paths({"train": missing, "val": missing})
    assert any("no: no such folder" in fault for fault in source_of(segment(folder)).faults)
