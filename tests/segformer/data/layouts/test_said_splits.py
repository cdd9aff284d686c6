"""Splits that stand in a table, in deeper folders or in names are used, and none is made anew."""

import json

import layouts
import pytest
from pictures import segment

from segformer.data.source import source_of, unused


def split_stems(root):
    source = source_of(segment(root), is_kept=False)
    assert not source.faults
    return {split: sorted(pair.stem for pair in pairs) for split, pairs in source.splits.items()}


WANTED = {"train": ["a", "b"], "val": ["c", "d"]}


@pytest.mark.parametrize(
    ("name", "head", "line"),
    [
        ("split.csv", "image,split\n", "{0}.jpg,{1}\n"),
        ("meta.tsv", "# of 2024\nimage_id\tsubset\n", "{0}\t{1}\n"),
        ("a.csv", "filename;is_valid\n", "images/{0}.jpg;{2}\n"),
        ("a.csv", "id|split\n", "{0}|{1}\n"),
    ],
)
def test_a_table_of_images_and_splits_is_used(tmp_path, name, head, line):
    layouts.unsplit(tmp_path)
    rows = [
        line.format(stem, split, split == "val")
        for split, stems in layouts.SPLITS.items() for stem in stems
    ]  # fmt: skip
    (tmp_path / name).write_text(head + "".join(rows))
    assert split_stems(tmp_path) == WANTED
    assert f"{tmp_path / name}: says the splits" in source_of(segment(tmp_path)).notes


def test_a_table_may_name_images_without_masks_and_not_all_that_have_one(tmp_path):
    layouts.unsplit(tmp_path)
    (tmp_path / "split.csv").write_text("image,split\na.jpg,train\nc.jpg,val\nz.jpg,test\n")
    assert split_stems(tmp_path) == {"train": ["a"], "val": ["c"]}
    notes = source_of(segment(tmp_path)).notes
    assert any("1 names are no image with a mask: z.jpg" in note for note in notes)
    assert any("2 images have no split and are left out: b, d" in note for note in notes)


def test_an_image_of_two_splits_is_a_fault(tmp_path):
    layouts.unsplit(tmp_path)
    (tmp_path / "split.csv").write_text("image,split\na,train\na,val\nb,train\nc,val\nd,val\n")
    assert source_of(segment(tmp_path)).faults == [
        f"{tmp_path / 'split.csv'}: a is of train and of val"
    ]


@pytest.mark.parametrize(
    ("images", "masks"),
    [
        ("images/{1}/{0}", "masks/{1}/{0}"),
        ("{1}/{0}/images", "{1}/{0}/masks"),
        ("data/all/{0}/{1}", "data/all/{0}/{1}"),
    ],
)
def test_splits_may_be_deeper_folders(tmp_path, images, masks):
    for split, stems in layouts.SPLITS.items():
        for place, stem in zip(("bonn", "ulm"), stems, strict=True):
            folders = (tmp_path / each.format(split, place) for each in (images, masks))
            layouts.pairs(*folders, stems=[stem], mask_end="_mask.png")
    assert split_stems(tmp_path) == WANTED


def test_splits_may_be_the_first_words_of_names(tmp_path):
    stems = [f"{split}_{stem}" for split, stems in layouts.SPLITS.items() for stem in stems]
    layouts.pairs(tmp_path / "images", tmp_path / "masks", stems=stems)
    assert split_stems(tmp_path) == {"train": stems[:2], "val": stems[2:]}


@pytest.mark.parametrize("stems", [("train_1", "train_2", "val_1", "x"), ("train1", "train2")])
def test_words_of_some_names_or_of_one_split_say_nothing(tmp_path, stems):
    layouts.pairs(tmp_path / "images", tmp_path / "masks", stems=stems)
    assert source_of(segment(tmp_path), is_kept=False).held_out is not None


def test_split_json_goes_before_names(tmp_path):
    stems = ["train_1", "train_2", "val_1", "val_2"]
    layouts.pairs(tmp_path / "images", tmp_path / "masks", stems=stems)
    (tmp_path / "split.json").write_text(json.dumps({"val": ["images/train_1.jpg"]}))
    assert split_stems(tmp_path) == {"train": ["train_2", "val_1", "val_2"], "val": ["train_1"]}


def test_a_table_for_each_split_may_name_its_images(tmp_path):
    layouts.unsplit(tmp_path)
    for split, stems in layouts.SPLITS.items():
        (tmp_path / f"{split}.csv").write_text("image\n" + "".join(f"{s}.jpg\n" for s in stems[:1]))
    assert split_stems(tmp_path) == {"train": ["a"], "val": ["c"]}
    notes = source_of(segment(tmp_path)).notes
    assert any("say the splits; 2 images are in none of them" in note for note in notes)


def test_a_table_of_classes_of_whole_images_is_none_of_pairs(tmp_path):
    layouts.unsplit(tmp_path)
    rows = [f"{s}.jpg,cat,{split}" for split, stems in layouts.SPLITS.items() for s in stems]
    (tmp_path / "a.csv").write_text("\n".join(["image,label,split", *rows]))
    assert split_stems(tmp_path) == WANTED


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({"a.csv": "image,split\na,val\n", "b.csv": "image,split\na,val\n"}, "only one of them"),
        ({"a.csv": "image,fold\na,1\nb,2\n"}, "1, 2 in the column fold are no splits"),
        ({"splits.json": "{}"}, "splits.json: is not read: a split is kept in split.json"),
    ],
)
def test_what_is_not_read_is_named(tmp_path, files, words):
    layouts.unsplit(tmp_path)
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    source = source_of(segment(tmp_path), is_kept=False)
    assert source.held_out is not None
    assert any(words in note for note in source.notes)


@pytest.mark.parametrize(
    ("layout", "name"),
    [("standard", "split.json"), ("standard", "splits.json"), ("standard", "split.csv"),
     ("kind_split", "split.json")],
)  # fmt: skip
def test_what_says_splits_beside_folders_that_are_splits_is_named(tmp_path, layout, name):
    if layout == "standard":
        layouts.split_pairs(tmp_path / "images/{}", tmp_path / "masks/{}")
    else:
        layouts.kind_split(tmp_path)
    before = notes(tmp_path)
    text = '{"val": ["a.jpg"]}' if name.endswith("json") else "image,split\na.jpg,val\n"
    (tmp_path / name).write_text(text)
    line = f"{tmp_path / name}: is not read: the data set has a validation split of its own"
    assert notes(tmp_path) == [*before, line]


def notes(root):
    source = source_of(segment(root))
    return [*source.notes, *unused(source, segment(root))]
