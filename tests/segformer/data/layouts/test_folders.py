"""Folders that people have: nested, listed, of other names, with files of the system in them."""

import json
import re
import unicodedata

import layouts
import pytest
from pictures import save, segment

from segformer.data.images import read_mask
from segformer.data.layouts import layout_of
from segformer.data.layouts.names import (
    files_below,
    kind_of,
    split_folders,
    split_of,
    subfolders,
    text_of,
)
from segformer.data.source import source_of, unsplit_pairs, unused
from segformer.data.summary import summarised
from segformer.errors import DataError


def stems_of(root):
    source = source_of(segment(root))
    assert not source.faults
    return {split: sorted(pair.stem for pair in pairs) for split, pairs in source.splits.items()}


@pytest.mark.parametrize(
    ("name", "split", "is_kind"),
    [
        ("train_images", "train", True),
        ("imagesTr", "train", True),
        ("ValidationMasks", "val", True),
        ("images_train_val", None, True),
        ("SegmentationClassVisualization", None, False),
        ("trainer", None, False),
        ("ISIC2018_Task1_Training_GroundTruth", "train", True),
        ("train2017", "train", False),
        ("panoptic_train2017", "train", False),
    ],
)
def test_the_words_of_a_folder_say_its_split_and_kind(name, split, is_kind):
    assert split_of(name) == split
    assert bool(kind_of(name)) == is_kind


def test_cities_below_the_splits_are_paired_one_by_one(tmp_path):
    for city in ("bonn", "ulm"):
        for split, stems in layouts.SPLITS.items():
            folders = (tmp_path / kind / split / city for kind in ("images", "masks"))
            layouts.pairs(*folders, stems=stems)
    # Of two images of one name, each is told apart by its folders in what is written of them.
    assert len(source_of(segment(tmp_path)).splits["train"]) == 4


def test_images_of_one_name_have_stems_of_their_own(tmp_path):
    for city in ("bonn", "ulm"):
        layouts.pairs(tmp_path / "images" / city, tmp_path / "masks" / city, stems=["a", "b"])
    stems = [stem for split in stems_of(tmp_path).values() for stem in split]
    assert sorted(stems)[:2] == ["images__bonn__a", "images__bonn__b"]


def test_masks_may_lie_in_the_only_folder_of_files_within_theirs(tmp_path):
    layouts.pairs(tmp_path / "images", tmp_path / "annotations/trimaps")
    (tmp_path / "annotations/xmls").mkdir()
    assert sum(map(len, stems_of(tmp_path).values())) == 4


def test_masks_beside_arrays_of_the_same_name_are_read(tmp_path):
    layouts.pairs(tmp_path / "JPEGImages", tmp_path / "SegmentationClassPNG")
    (tmp_path / "SegmentationClass").mkdir()
    (tmp_path / "SegmentationClass/a.npy").touch()
    assert sum(map(len, stems_of(tmp_path).values())) == 4


@pytest.mark.parametrize("place", ["", "{0}/{1}", "{1}/{0}"])
def test_images_and_masks_may_lie_in_the_only_folder_of_files_within_theirs(tmp_path, place):
    """As images/jpg and masks/png, of the whole set, of a split, and below kinds and splits."""
    for split, stems in layouts.SPLITS.items() if place else [("", layouts.STEMS)]:
        images, masks = (
            tmp_path / (place or "{1}").format(split, kind) for kind in ("imgs", "labels")
        )
        layouts.pairs(images / "jpg", masks / "png", stems=stems)
    counts = {split: len(pairs) for split, pairs in unsplit_pairs(tmp_path).items()}
    assert counts == ({"train": 2, "val": 2} if place else {"": 4})


def test_coloured_masks_beside_the_others_are_not_used(tmp_path):
    layouts.pairs(tmp_path, tmp_path, image_end=".png", mask_end="_label.png")
    for stem in layouts.STEMS:
        layouts.image(tmp_path / f"{stem}_color.png")
    source = source_of(segment(tmp_path))
    assert not source.faults and sum(map(len, source.splits.values())) == 4
    assert "4 pictures are in no pair" in unused(source, segment(tmp_path))[0]


def test_patients_below_one_folder_are_read(tmp_path):
    for patient in ("p1", "p2"):
        folder = tmp_path / "all" / patient
        stems = [f"{patient}_1", f"{patient}_2"]
        layouts.pairs(folder, folder, image_end=".tif", mask_end="_mask.tif", stems=stems)
    assert sum(map(len, stems_of(tmp_path).values())) == 4


def test_lists_name_the_images_of_each_split(tmp_path):
    layouts.pairs(tmp_path / "imgs", tmp_path / "gts", image_end="_img.jpg", mask_end="_gt.png")
    (tmp_path / "splits").mkdir()
    (tmp_path / "splits/train.txt").write_text("a\r\nb\r\n")
    (tmp_path / "splits/val.txt").write_text("imgs/c_img.jpg gts/c_gt.png\n")
    source = source_of(segment(tmp_path))
    assert {s: len(pairs) for s, pairs in source.splits.items()} == {"train": 2, "val": 1}
    assert "1 images are in no list and are left out" in source.notes[-1]


def test_lists_of_other_names_are_passed_over_with_a_note(tmp_path):
    layouts.unsplit(tmp_path)
    (tmp_path / "train.txt").write_text("x\ny\n")
    notes = source_of(segment(tmp_path)).notes
    assert any("train.txt: are passed over: 2 names are no image with a mask" in n for n in notes)


def test_lists_of_some_other_names_are_refused(tmp_path):
    layouts.unsplit(tmp_path)
    (tmp_path / "train.txt").write_text("a\nb\n")
    (tmp_path / "val.txt").write_text("c\nx\n")
    with pytest.raises(
        DataError, match=r"val\.txt: 1 names are no image with a mask: x; take them"
    ):
        unsplit_pairs(tmp_path)


def test_files_of_the_system_are_no_data(tmp_path):
    layouts.kind_split(tmp_path / "my data")
    (tmp_path / "__MACOSX/my data").mkdir(parents=True)
    for name in (".DS_Store", "._a.jpg", "Thumbs.db"):
        (tmp_path / "my data/images/training" / name).write_bytes(b"x")
    layouts.image(tmp_path / "my data/images/training/@eaDir/a.jpg")
    assert [path.name for path in subfolders(tmp_path)] == ["my data"]
    assert stems_of(tmp_path) == {"train": ["a", "b"], "val": ["c", "d"]}


def test_names_of_both_unicode_forms_and_of_any_case_are_partners(tmp_path):
    for number in range(4):
        nfd, nfc = (unicodedata.normalize(form, "Größe") for form in ("NFD", "NFC"))
        save(tmp_path / f"Images/{nfd}_{number}.PNG", [[number] * 12] * 8)
        save(tmp_path / f"Masks/{nfc.lower()}_{number}.png", layouts.ids())
    assert sum(map(len, stems_of(tmp_path).values())) == 4


def test_two_masks_of_one_image_are_a_fault(tmp_path):
    layouts.pairs(tmp_path, tmp_path, mask_end="_m.png")
    (tmp_path / "a.csv").write_text("image,mask\na.jpg,a_m.png\na.jpg,b_m.png\nb.jpg,b_m.png\n")
    source = source_of(segment(tmp_path))
    with pytest.raises(DataError, match=r"a.jpg: has 2 masks in the only split"):
        source.pairs("train")


def test_masks_in_a_format_that_is_not_read_are_named(tmp_path):
    layouts.pairs(tmp_path / "train", tmp_path / "train_masks", mask_end="_mask.png")
    for path in (tmp_path / "train_masks").iterdir():
        path.rename(path.with_suffix(".tga"))
    with pytest.raises(DataError, match="files, but 4 .tga; save them as PNG"):
        source_of(segment(tmp_path)).pairs("train")


@pytest.mark.parametrize(
    ("head", "line"),
    [
        (b"\xef\xbb\xbfImage;Mask;Subset\r\n", "{0};{1};{2}\r\n"),
        (b"sep=,\nimage_path,label_path,split\n", "{0},{1},{2}\n"),
        (b"image\tmask\tset\n", "{0}\t{1}\t{2}\n"),
        (b"image|mask|split\n", "{0}|{1}|{2}\n"),
        (b"# of 2024\n\nimage,mask,split\n", "{0},{1},{2}\n"),
        (b"", "{0},{1},{2}\n"),
    ],
)
@pytest.mark.parametrize("separator", ["/", "\\"])
def test_a_csv_of_any_program_is_read(tmp_path, head, line, separator):
    layouts.pairs(tmp_path / "x", tmp_path / "y", image_end=" ü.jpg", mask_end=" ü.png")
    rows = [
        line.format(f"x{separator}{s} ü.jpg", f"y{separator}{s} ü.png", split)
        for split, stems in (("train", "ab"), ("valid", "cd")) for s in stems
    ]  # fmt: skip
    (tmp_path / "pairs.csv").write_bytes(head + "".join(rows).encode())
    assert stems_of(tmp_path) == {"train": ["a ü", "b ü"], "val": ["c ü", "d ü"]}


@pytest.mark.parametrize("start", ["/home/bob/data/", "D:\\sets\\"])
def test_a_csv_of_another_machine_names_files_by_their_end(tmp_path, start):
    layouts.pairs(tmp_path / "imgs", tmp_path / "lbl")
    stems = [path.stem for path in sorted((tmp_path / "imgs").iterdir())]
    rows = [f"{start}imgs/{stem}.jpg,{start}lbl/{stem}.png" for stem in stems]
    (tmp_path / "a.csv").write_text("\n".join(["image,mask", *rows]))
    source = source_of(segment(tmp_path), is_kept=False)
    pairs = [pair for split in source.splits for pair in source.pairs(split)]
    assert sorted(pair.mask.relative_to(tmp_path).as_posix() for pair in pairs) == [
        f"lbl/{stem}.png" for stem in stems
    ]
    assert any("names files of another machine" in note for note in source.notes)


def test_a_csv_may_name_stems_and_say_a_pair_twice(tmp_path):
    layouts.pairs(tmp_path / "imgs", tmp_path / "lbl")
    rows = [f"{stem},{stem}" for stem in [*layouts.STEMS, layouts.STEMS[0]]]
    (tmp_path / "a.csv").write_text("\n".join(["image,mask", *rows]))
    assert {s: len(pairs) for s, pairs in unsplit_pairs(tmp_path).items()} == {"": 4}
    notes = source_of(segment(tmp_path), is_kept=False).notes
    assert any("1 rows say what others say and are passed over" in note for note in notes)


def test_the_line_of_a_csv_is_counted_from_the_first_of_the_file(tmp_path):
    (tmp_path / "a.csv").write_text("# of 2024\nimage,mask\na.jpg,b.png\nc.jpg,\n")
    with pytest.raises(DataError, match=r"a.csv: line 4 has nothing in the column mask"):
        source_of(segment(tmp_path)).pairs("train")


def test_files_of_a_csv_that_are_not_there_are_one_line(tmp_path):
    layouts.pairs(tmp_path / "imgs", tmp_path / "lbl")
    rows = [f"/gone/x{n}.jpg,/gone/y{n}.png" for n in range(5)]
    (tmp_path / "a.csv").write_text("\n".join(["image,mask", *rows]))
    with pytest.raises(DataError) as caught:
        source_of(segment(tmp_path)).pairs("train")
    assert len(caught.value.faults) == 1


def test_a_csv_for_each_split_names_files_of_images_and_masks(tmp_path):
    layouts.unsplit(tmp_path)
    for split, stems in layouts.SPLITS.items():
        rows = [f"{stem}.jpg,{stem}.png" for stem in stems]
        (tmp_path / f"{split}.csv").write_text("\n".join(["image,mask", *rows]))
    assert stems_of(tmp_path) == {"train": ["a", "b"], "val": ["c", "d"]}


@pytest.mark.parametrize("place", ["", "train"])
def test_lines_of_json_name_images_and_masks(tmp_path, place):
    layouts.pairs(tmp_path / place / "x", tmp_path / place / "y")
    rows = [json.dumps({"file_name": f"x/{s}.jpg", "mask_file_name": f"y/{s}.png", "id": 1})
            for s in layouts.STEMS]  # fmt: skip
    (tmp_path / place / "metadata.jsonl").write_text("\n".join(rows))
    assert {s: len(pairs) for s, pairs in unsplit_pairs(tmp_path).items()} == {place: 4}


def test_folds_of_a_csv_are_no_splits(tmp_path):
    layouts.pairs(tmp_path / "x", tmp_path / "y")
    rows = [f"x/{s}.jpg,y/{s}.png,{n}" for n, s in enumerate(layouts.STEMS)]
    (tmp_path / "a.csv").write_text("\n".join(["image,mask,fold", *rows]))
    source = source_of(segment(tmp_path))
    assert "0, 1, 2, ... in the column fold are no splits" in source.notes[1]
    assert sum(map(len, source.splits.values())) == 4


def csv_of(root, column, cells):
    """Write pairs, and a CSV of them with a third column."""
    layouts.pairs(root / "x", root / "y")
    rows = [f"x/{s}.jpg,y/{s}.png,{c}" for s, c in zip(layouts.STEMS, cells, strict=True)]
    (root / "a.csv").write_text("\n".join([f"image,mask,{column}", *rows]))
    return root


@pytest.mark.parametrize(
    ("column", "cells", "expected"),
    [
        ("Split", ("Training", "train ", "eval", "holdout"), ("ab", "c", "d")),
        ("subset", ("TRAIN", "train", "Evaluation", "dev"), ("ab", "cd", "")),
        ("is_valid", ("False", "0", "True", "1"), ("ab", "cd", "")),
    ],
)
def test_the_words_of_a_csv_for_splits_are_read(tmp_path, column, cells, expected):
    named = {s: [*stems] for s, stems in zip(("train", "val", "test"), expected, strict=True)}
    wanted = {split: stems for split, stems in named.items() if stems}
    assert stems_of(csv_of(tmp_path, column, cells)) == wanted


@pytest.mark.parametrize(
    ("column", "cells", "words"),
    [
        ("split", "0123", "0, 1, 2, ... in the column split are no splits; use train, val, test"),
        ("set", ("train", "val", "x", "y"), "x, y in the column set are no splits"),
        ("is_valid", ("true", "false", "", "x"), "'', 'x' in the column is_valid: use true or"),
    ],
)
def test_other_words_of_a_csv_for_splits_are_refused(tmp_path, column, cells, words):
    with pytest.raises(DataError, match=re.escape(words)):
        unsplit_pairs(csv_of(tmp_path, column, cells))


def test_an_empty_cell_of_a_csv_is_named(tmp_path):
    csv_of(tmp_path, "note", "abcd")
    text = (tmp_path / "a.csv").read_text()
    (tmp_path / "a.csv").write_text(text.replace("y/b.png", ""))
    with pytest.raises(DataError, match="a.csv: line 3 has nothing in the column mask"):
        unsplit_pairs(tmp_path)


@pytest.mark.parametrize("place", ["images/{}", "{}/images"])
def test_a_second_folder_of_a_split_is_named(tmp_path, place):
    layouts.split_pairs(tmp_path / place, tmp_path / place.replace("images", "masks"))
    extra = tmp_path / place.format("valid") / "z.jpg"
    layouts.image(extra)
    inner = extra.parent if place.startswith("images") else extra.parents[1]
    line = f"{inner}: is passed over, since val/ is the val split"
    assert line in source_of(segment(tmp_path)).notes


def test_a_broken_link_and_an_empty_file_are_named(tmp_path):
    layouts.split_pairs(tmp_path / "images/{}", tmp_path / "masks/{}")
    (tmp_path / "images/train/a.jpg").unlink()
    (tmp_path / "images/train/a.jpg").symlink_to("nowhere.jpg")
    with pytest.raises(DataError, match="a.jpg is a link to nowhere.jpg, which is no file"):
        source_of(segment(tmp_path)).pairs("train")
    (tmp_path / "masks/train/b.png").write_bytes(b"")
    with pytest.raises(DataError, match=r"b.png: is not an image: it is empty"):
        read_mask(tmp_path / "masks/train/b.png")


def test_a_column_that_another_one_answers_is_named(tmp_path):
    csv_of(tmp_path, "split,is_valid", ("train,1", "train,0", "val,0", "val,1"))
    assert "the column is_valid is passed over" in source_of(segment(tmp_path)).notes[1]


def test_links_to_folders_above_or_beside_add_no_files(tmp_path):
    for patient in ("p1", "p2"):
        stems = [f"{patient}_1", f"{patient}_2"]
        folder = tmp_path / "set" / patient / "ct"
        layouts.pairs(folder, folder, image_end=".png", mask_end="_mask.png", stems=stems)
    (tmp_path / "set/p1/up").symlink_to("..")
    (tmp_path / "set/p2/over").symlink_to(tmp_path)
    (tmp_path / "set/p0").symlink_to("p2")
    pairs = [p for each in source_of(segment(tmp_path / "set")).splits.values() for p in each]
    assert sorted(p.image.parent.parent.name for p in pairs) == ["p1", "p1", "p2", "p2"]
    assert len(list(files_below(tmp_path / "set"))) == 8 + 1  # And split.json.


def test_folders_of_the_same_names_are_paired_once_although_links_lead_up(tmp_path):
    for kind in ("images", "masks"):
        for inner in ("a/b", "a/c"):
            (tmp_path / kind / "train" / inner).mkdir(parents=True)
        (tmp_path / kind / "train/a/up").symlink_to("..")
    for inner, split in (("a/b", "train"), ("a/c", "train"), ("", "val")):
        layouts.pairs(*(tmp_path / kind / split / inner for kind in ("images", "masks")))
    assert {s: len(pairs) for s, pairs in unsplit_pairs(tmp_path).items()} == {"train": 8, "val": 4}


def test_links_to_folders_that_are_not_met_otherwise_are_followed_once(tmp_path):
    for folder in ("elsewhere/sub", "set/.store"):
        layouts.image(tmp_path / folder / "a.jpg")
    for link in ("one", "two"):
        (tmp_path / "set" / link).symlink_to(tmp_path / "elsewhere")
    (tmp_path / "elsewhere/sub/up").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "set/three").symlink_to(".store")
    found = [path.relative_to(tmp_path).as_posix() for path in files_below(tmp_path / "set")]
    assert found == ["set/one/sub/a.jpg", "set/three/a.jpg"]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_a_text_of_any_program_is_read(tmp_path, encoding):
    (tmp_path / "a.txt").write_bytes("Größe".encode(encoding))
    assert text_of(tmp_path / "a.txt") == "Größe"


def test_voc_without_a_list_for_training_takes_trainval_less_val(tmp_path):
    layouts.voc(tmp_path)
    lists = tmp_path / "VOCdevkit/VOC2012/ImageSets/Segmentation"
    names = (lists / "train.txt").read_text() + (lists / "val.txt").read_text()
    (lists / "trainval.txt").write_text(names)
    before = stems_of(tmp_path)
    (lists / "train.txt").unlink()
    assert stems_of(tmp_path) == before


def test_cityscapes_is_read_as_its_archives_unpack_and_without_cities(tmp_path):
    layouts.cityscapes(tmp_path / "all")
    for kind in ("leftImg8bit", "gtFine"):
        for city in (tmp_path / "all" / kind).glob("*/ulm"):
            for path in city.iterdir():
                target = tmp_path / f"{kind}_trainvaltest" / kind / city.parent.name / path.name
                target.parent.mkdir(parents=True, exist_ok=True)
                path.rename(target)
    for path in sorted((tmp_path / "all").rglob("*"), reverse=True):
        path.rmdir()
    (tmp_path / "all").rmdir()
    assert {split: len(stems) for split, stems in stems_of(tmp_path).items()} == {
        "train": 2, "val": 2,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("images", "masks", "names"),
    [
        ("images/{}", "annotations/{}", ("train2017", "val2017")),
        ("images/{}", "masks/{}", ("traincrop", "valcrop")),
        ("{}/images", "{}/masks", ("traincrop", "valcrop")),
        ("{}/images", "{}/masks", ("uavid_train", "uavid_val")),
        ("train/{}-org-img", "train/{}-label-img", ("train", None)),
        ("Task1-2_{}_Input", "Task1_{}_GroundTruth", ("Training", "Validation")),
        ("{}/images", "{}/masks", ("train_val", None)),
        ("Original", "Ground Truth", ("", None)),
    ],
)
def test_words_of_folders_say_splits_and_kinds(tmp_path, images, masks, names):
    for name, stems in zip(names, layouts.SPLITS.values(), strict=True):
        if name is not None:
            pair = (tmp_path / pattern.format(name) for pattern in (images, masks))
            layouts.pairs(*pair, stems=stems)
    expected = {"train": 1, "val": 1} if None in names else {"train": 2, "val": 2}
    assert {split: len(stems) for split, stems in stems_of(tmp_path).items()} == expected


@pytest.mark.parametrize(
    ("image", "mask"),
    [
        ("image_{}.jpg", "mask_{}.png"),
        ("{}.png", "{}_anno.png"),
        ("{}.png", "{}_label_ground-truth_semantic.png"),
    ],
)
def test_a_word_of_the_name_tells_masks_apart(tmp_path, image, mask):
    for stem in layouts.STEMS:
        layouts.image(tmp_path / image.format(stem))
        save(tmp_path / mask.format(stem), layouts.ids())
    assert sum(map(len, stems_of(tmp_path).values())) == 4


def test_masks_of_unequal_suffixes_are_partners_but_one_that_is_too_many(tmp_path):
    layouts.pairs(tmp_path, tmp_path, image_end=" (1).jpg", mask_end=" (1)_mask.png")
    save(tmp_path / "b (1)_mask_1.png", layouts.ids())
    with pytest.raises(DataError) as caught:
        unsplit_pairs(tmp_path)
    assert caught.value.faults == (
        f"{tmp_path}/b (1)_mask_1.png: has no partner b (1)_mask_1.* in {tmp_path}",
    )


@pytest.mark.parametrize(
    ("image", "mask", "fault"),
    [
        (("a.png",), ("a_car.png", "a_dog.png"), r"a.png: has several masks \(a_car.png, a_dog"),
        (("a_0.png", "a_1.png"), ("a.png",), r"a.png: has several images .*; save its channels"),
        (("a.avif",), ("a.png",), "its partner .*a.avif has a format that is not read; save it"),
    ],
)
def test_a_file_without_a_single_partner_says_why(tmp_path, image, mask, fault):
    layouts.pairs(tmp_path / "images", tmp_path / "masks", stems=["x", "y"], image_end=".png")
    for kind, names in (("images", image), ("masks", mask)):
        for name in names:
            (tmp_path / kind / name).touch()
    with pytest.raises(DataError, match=fault) as caught:
        unsplit_pairs(tmp_path)
    assert len(caught.value.faults) == 1


def test_folders_of_one_kind_of_sample_are_no_groups(tmp_path):
    for sample in ("a", "b"):
        folder = tmp_path / "stage1_train" / sample
        layouts.image(folder / f"images/{sample}.png")
        layouts.pairs(tmp_path / "none", folder / "masks", stems=["1", "2"])
    with pytest.raises(DataError, match="has a folder of images and masks for each sample"):
        layout_of(tmp_path)


def test_lists_may_lie_beside_the_masks(tmp_path):
    layouts.pairs(tmp_path / "images", tmp_path / "annotations/trimaps")
    (tmp_path / "annotations/test.txt").write_text("a 1 1 1\n")
    (tmp_path / "annotations/trainval.txt").write_text("b 1 1 1\nc 1 1 1\nd 1 1 1\n")
    assert stems_of(tmp_path)["test"] == ["a"]


def test_lists_may_name_folders_as_of_videos(tmp_path):
    for video in ("bear", "bmx"):
        folders = (tmp_path / kind / "480p" / video for kind in ("JPEGImages", "Annotations"))
        layouts.pairs(*folders, stems=["00000", "00001"])
    (tmp_path / "ImageSets/2017").mkdir(parents=True)
    for split, video in (("train", "bear"), ("val", "bmx")):
        (tmp_path / f"ImageSets/2017/{split}.txt").write_text(f"{video}\n")
    splits = source_of(segment(tmp_path)).splits
    assert {s: {p.image.parent.name for p in pairs} for s, pairs in splits.items()} == {
        "train": {"bear"}, "val": {"bmx"},
    }  # fmt: skip


def test_cityscapes_takes_the_coarse_masks_where_there_are_no_fine_ones(tmp_path):
    layouts.cityscapes(tmp_path)
    fine = layout_of(tmp_path).read().counts
    for path in sorted((tmp_path / "gtFine").rglob("*.png")):
        path.rename(path.with_name(path.name.replace("gtFine", "gtCoarse")))
    (tmp_path / "gtFine").rename(tmp_path / "gtCoarse")
    coarse = layout_of(tmp_path).read()
    assert coarse.counts == fine and not coarse.faults
    assert coarse.notes[0] == f"{tmp_path}/gtCoarse: is used, since there is no gtFine"


def test_pictures_of_no_pair_are_counted_and_other_forms_of_masks_are_not(tmp_path):
    layouts.pairs(tmp_path / "training/images", tmp_path / "training/mask")
    layouts.pairs(tmp_path / "testing/images", tmp_path / "training/1st_manual", stems=["a", "b"])
    save(tmp_path / "training/mask/a.txt.png", layouts.ids())
    (tmp_path / "training/mask/a.txt.png").rename(tmp_path / "training/mask/a.txt")
    source = source_of(segment(tmp_path))
    assert unused(source, segment(tmp_path)) == [
        f"{tmp_path}: 2 pictures are in no pair and are not used: 2 in training/1st_manual/"
    ]
    summary = summarised(segment(tmp_path, num_classes=3))
    assert any("pictures are in no pair" in note for note in summary.notes)


@pytest.mark.parametrize(
    "names",
    [
        ("trainImages", "trainMasks", "valImages", "valMasks"),
        ("trainimages", "trainmasks", "valimages", "valmasks"),
        ("trainA", "trainB", "valA", "valB"),
    ],
)
def test_folders_of_several_endings_are_kinds_and_no_splits(tmp_path, names):
    for name in names:
        (tmp_path / name).mkdir()
    assert split_folders(tmp_path) == {}
