"""Data sets within folders of other things, and several of them."""

import layouts
import pytest
from pictures import segment

from segformer.data.layouts import layout_of
from segformer.data.source import layout_settings, source_of, unused
from segformer.errors import DataError


def test_the_one_data_set_within_a_project_is_found(tmp_path):
    layouts.unsplit(tmp_path / "data/v2")
    layouts.image(tmp_path / "runs/curve.png")
    (tmp_path / "train.py").write_text("")
    source = source_of(segment(tmp_path))
    assert source.notes[0].startswith(f"{tmp_path}: images and masks, no splits in data/v2/ (")
    assert unused(source, segment(tmp_path)) == [
        f"{tmp_path}: 1 pictures are in no pair and are not used: 1 in runs/"
    ]


def test_of_several_data_sets_none_is_chosen(tmp_path):
    layouts.unsplit(tmp_path / "roads")
    layouts.coco(tmp_path / "old/cars")
    with pytest.raises(DataError) as caught:
        layout_of(tmp_path)
    assert caught.value.faults == (
        f"{tmp_path}: holds 2 data sets: old/cars/ (COCO), roads/ (images and masks, no splits); "
        "give the folder of one of them",
    )


def test_a_split_alone_is_no_data_set(tmp_path):
    layouts.unsplit(tmp_path / "test")
    layouts.image(tmp_path / "train/a.jpg")
    layouts.image(tmp_path / "more/b.png")
    with pytest.raises(DataError, match="is laid out in no known way"):
        layout_of(tmp_path)


@pytest.mark.parametrize("groups", [("2023-01-05", "2023-02-01"), ("fold1", "fold2")])
def test_a_folder_of_images_and_masks_for_each_day_is_read(tmp_path, groups):
    for group, stems in zip(groups, ("ab", "cd"), strict=True):
        layouts.pairs(tmp_path / group / "images", tmp_path / group / "masks", stems=stems)
    found = layout_of(tmp_path)
    assert found.layout.name == "grouped"
    assert sorted(pair.stem for pair in found.read().splits[""]) == ["a", "b", "c", "d"]


def test_lists_say_the_splits_of_groups(tmp_path):
    for city in ("bonn", "ulm"):
        stems = [f"{city}_{number}" for number in range(2)]
        layouts.pairs(tmp_path / city / "images", tmp_path / city / "labels", stems=stems)
    (tmp_path / "train.txt").write_text("bonn_0.jpg\nbonn_1.jpg\n")
    (tmp_path / "val.txt").write_text("ulm_0.jpg\nulm_1.jpg\n")
    splits = layout_of(tmp_path).read().splits
    assert {s: [p.stem for p in pairs] for s, pairs in splits.items()} == {
        "train": ["bonn_0", "bonn_1"], "val": ["ulm_0", "ulm_1"],
    }  # fmt: skip


def test_splits_may_lie_deeper_as_in_bdd100k(tmp_path):
    layouts.split_pairs(tmp_path / "images/10k/{}", tmp_path / "labels/sem_seg/masks/{}")
    layouts.split_pairs(tmp_path / "none/{}", tmp_path / "labels/sem_seg/colormaps/{}")
    (tmp_path / "none").rename(tmp_path / ".none")
    source = source_of(segment(tmp_path))
    assert {split: len(pairs) for split, pairs in source.splits.items()} == {"train": 2, "val": 2}
    assert source.splits["val"][0].mask == tmp_path / "labels/sem_seg/masks/val/c.png"


def test_masks_may_lie_deeper_with_their_table_of_classes(tmp_path):
    masks = tmp_path / "training_set/gt/semantic/label_images"
    layouts.pairs(tmp_path / "training_set/images", masks)
    (masks.parent / "classes.txt").write_text("grass\nroad\nroof\n")
    keys, notes = layout_settings(tmp_path, action="train", given={})
    assert [e["seg_class"] for e in keys["dataset.segment.palette"]] == ["grass", "road", "roof"]
    assert notes[0].startswith(f"{masks.parent / 'classes.txt'}: has the names of the 3 classes")


@pytest.mark.parametrize("part", ["images", "masks", "images/train"])
def test_a_part_of_a_data_set_is_answered_with_the_whole(tmp_path, part):
    layouts.split_pairs(tmp_path / "images/{}", tmp_path / "masks/{}")
    with pytest.raises(DataError) as caught:
        layout_of(tmp_path / part)
    assert caught.value.faults == (
        f"{tmp_path / part}: is a part of a data set; did you mean {tmp_path}?",
    )
