import json

import layouts
import numpy as np
import pytest
from pictures import data_set, save, segment
from PIL import Image

from segformer.data.check import check_data
from segformer.data.dataset import SegmentationDataset
from segformer.data.description import described
from segformer.data.load import load_pair
from segformer.data.source import layout_settings, source_of, unsplit_pairs
from segformer.errors import DataError
from segformer.spec.overrides import nested
from segformer.spec.spec import parse

THREE = ["class_0", "class_1", "class_2"]
SPLIT = {"train": ["a", "b"], "val": ["c", "d"]}
READ_IN_PLACE = {
    layouts.kind_split: (SPLIT, THREE, [0, 1, 2]),
    layouts.mmseg: (SPLIT, THREE, [0, 1, 2]),
    layouts.split_kind: (SPLIT, THREE, [0, 1, 2]),
    layouts.unsplit: (None, THREE, [0, 1, 2]),
    layouts.suffix: (None, THREE, [0, 1, 2]),
    layouts.second_extension: (None, THREE, [0, 1, 2]),
    layouts.camvid: (SPLIT, ["sky", "building", "pole"], [0, 1, 2]),
    layouts.camvid_annot_colours: (SPLIT, ["Road", "Car"], [255, 0, 1]),
    layouts.camvid_known_colours: (SPLIT, ["Car", "Road"], [255, 1, 0]),
    layouts.named_splits: (SPLIT, THREE, [0, 1, 2]),
    layouts.split_groups: (None, THREE, [0, 1, 2]),
    layouts.split_lists: (SPLIT, ["Sky", "Road", "Car"], [0, 1, 2]),
    layouts.roboflow_masks: (SPLIT, ["background", "road", "car", "moon"], [0, 1, 2]),
    layouts.yolo: (SPLIT, ["background", "road", "car"], [0, 1, 2]),
    layouts.camvid_colours: (SPLIT, ["Road", "Car"], [255, 0, 1]),
    layouts.voc: (None, ["background", "aeroplane", "bicycle"], [0, 1, 2]),
    layouts.cvat_masks: (None, ["background", "cat", "dog"], [0, 1, 2]),
    layouts.cityscapes: (None, ["road", "sidewalk", "building"], [255, 0, 13]),
    layouts.cityscapes_train_ids: (None, ["road", "sidewalk", "building"], [255, 0, 13]),
    layouts.ade20k: (SPLIT, ["wall", "building", "class_3"], [255, 0, 1]),
    layouts.coco_stuff: (SPLIT, ["person", "bicycle", "car"], [255, 0, 170]),
    layouts.coco_stuff_train_ids: (SPLIT, ["person", "bicycle", "car"], [255, 0, 170]),
    layouts.csv_pairs: (SPLIT, THREE, [0, 1, 2]),
    layouts.coco: (SPLIT, ["background", "car", "road"], [0, 2, 1]),
    layouts.labelme: (None, ["background", "car", "road"], [0, 2, 1]),
    layouts.cvat: (None, ["background", "road", "car"], [0, 1, 2]),
    layouts.label_studio: (None, ["background", "car", "road"], [0, 2, 1]),
}
"""Writer of a layout: the stems of its splits (None: too many to list), class names, ids."""


def settings(root, **given):
    keys = {
        f"dataset.segment.{key}": value for key, value in {"root_dir": str(root), **given}.items()
    }
    answered, _ = layout_settings(root, action="train", given=keys)
    answered |= described(root, given=keys)
    return parse(nested({**answered, **keys})).dataset.segment


@pytest.mark.parametrize("write", READ_IN_PLACE, ids=lambda write: write.__name__)
def test_a_layout_gives_pairs_classes_and_ids(tmp_path, write):
    stems, names, expected = READ_IN_PLACE[write]
    write(tmp_path)
    chosen = settings(tmp_path)
    source = source_of(chosen)
    assert not source.faults
    assert stems in (None, {s: [p.stem for p in pairs] for s, pairs in source.splits.items()})
    assert sum(map(len, source.splits.values())) == 4
    assert source.splits["val"]
    assert [entry.seg_class for entry in chosen.palette][: len(names)] == names
    loaded = load_pair(source.splits["train"][0], chosen)
    assert loaded.ids[-1, ::4].tolist() == expected
    assert str(tmp_path) in source.notes[0]


@pytest.mark.parametrize("ids", [(0, 1, 2), (0, 1, 7)])
def test_other_ids_in_the_layout_of_cityscapes_are_classes_of_their_own(tmp_path, ids):
    layouts.cityscapes(tmp_path)
    for path in tmp_path.glob("gtFine/*/*/*"):
        layouts.save(path, np.array(ids, np.uint8)[layouts.ids()])
    chosen = settings(tmp_path)
    assert [entry.seg_class for entry in chosen.palette] == [f"class_{value}" for value in ids]
    source = source_of(chosen)
    assert load_pair(source.splits["train"][0], chosen).ids[0, ::4].tolist() == [0, 1, 2]
    share = 1 if 7 not in ids else 2 / 3
    assert f"are not used, since {share:.0%} of the pixels have none" in " ".join(source.notes)


def test_annotations_are_drawn_anew_for_each_epoch_and_for_the_fingerprint(tmp_path):
    layouts.coco(tmp_path)
    chosen = settings(tmp_path, img_size=32)
    prints = [check_data(chosen).record["fingerprint"] for _ in range(2)]
    assert prints[0] == prints[1]
    assert set(SegmentationDataset(chosen, split="train")[0]["mask"].unique().tolist()) == {0, 1, 2}
    (path,) = tmp_path.glob("annotations/*train*")
    path.write_text(path.read_text().replace("[64, 32]", "[32, 64]"))
    assert check_data(chosen).record["fingerprint"] != prints[0]


def test_an_unknown_layout_is_answered_with_the_three_nearest(tmp_path):
    layouts.image(tmp_path / "JPEGImages/a.jpg")
    (tmp_path / "SegmentationClass").mkdir()
    (tmp_path / "notes.md").touch()
    with pytest.raises(DataError) as caught:
        source_of(segment(tmp_path))
    first, *nearest, found, following = caught.value.faults
    assert "no known way" in first
    assert len(nearest) == 3
    assert "it holds 1 .md, JPEGImages/ (1 .jpg)" in found
    assert 'write dataset.json: {"splits"' in following
    assert "is not Pascal VOC: lacks ImageSets/Segmentation/train.txt" in nearest[0]


def test_names_of_another_unicode_form_are_partners(tmp_path):
    data_set(tmp_path, train=0)
    save(tmp_path / "images/train/cafe\u0301.png", [[0] * 10] * 8)
    save(tmp_path / "masks/train/caf\u00e9.png", [[0] * 10] * 8)
    source = source_of(segment(tmp_path))
    assert [pair.mask.name for pair in source.splits["train"]] == ["caf\u00e9.png"]
    assert not [*source.faults, *source.notes]


@pytest.mark.parametrize(
    ("ending", "words"),
    [("_mask", '"_mask" at the end of masks'), (".jpg", "a second extension")],
)
def test_one_line_says_what_makes_partners_of_all(tmp_path, ending, words):
    layouts.split_pairs(tmp_path / "images/{}", tmp_path / "masks/{}", mask_end=f"{ending}.png")
    source = source_of(segment(tmp_path))
    assert not source.faults
    assert [words in note for note in source.notes] == [True, True]


def test_the_held_out_split_is_written_once_and_kept(tmp_path):
    layouts.pairs(tmp_path / "images", tmp_path / "masks", stems=[f"{i:02}" for i in range(20)])
    first = source_of(segment(tmp_path)).splits
    content = json.loads((tmp_path / "split.json").read_text())
    assert [f"images/{pair.stem}.jpg" for pair in first["val"]] == content["val"]
    assert len(content["val"]) == 3
    layouts.pairs(tmp_path / "images", tmp_path / "masks", stems=["new"])
    again = source_of(segment(tmp_path)).splits
    assert again["val"] == first["val"]
    assert "new" in {pair.stem for pair in again["train"]}


def test_a_check_holds_out_the_same_split_and_writes_nothing(tmp_path):
    layouts.pairs(tmp_path / "images", tmp_path / "masks", stems=[f"{i:02}" for i in range(20)])
    looked_at = source_of(segment(tmp_path), is_kept=False).splits
    assert not (tmp_path / "split.json").exists()
    assert source_of(segment(tmp_path)).splits == looked_at
    assert (tmp_path / "split.json").exists()


def test_a_folder_that_cannot_be_written_has_the_same_split_from_the_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("AUTOML_CACHE", str(tmp_path / "cache"))
    for name in ("one", "two"):
        root = tmp_path / name
        layouts.pairs(root / "images", root / "masks", stems=[f"{i:02}" for i in range(20)])
    (tmp_path / "one/split.json.part").mkdir()  # Nothing can be written there, root or not.
    splits = [source_of(segment(tmp_path / name)).splits for name in ("one", "two")]
    assert not (tmp_path / "one/split.json").exists()
    one, two = [[pair.stem for pair in split["val"]] for split in splits]
    assert one == two


@pytest.mark.parametrize(
    ("values", "names", "ignored"),
    [
        ([0, 1, 255], ["class_0", "class_1"], [255]),
        ([1, 2, 3], ["class_1", "class_2", "class_3"], []),
        ([0, 128, 255], ["class_0", "class_128", "class_255"], []),
        ([0, 255, 0], ["background", "foreground"], []),
    ],
)
def test_masks_without_description_say_which_values_are_classes(tmp_path, values, names, ignored):
    mask = np.array(values, np.uint8)[layouts.ids()]
    layouts.split_pairs(tmp_path / "images/{}", tmp_path / "masks/{}", values=mask)
    chosen = settings(tmp_path)
    assert [e.seg_class for e in chosen.palette if e.label_id != 255] == names
    loaded = load_pair(source_of(chosen).splits["train"][0], chosen)
    wanted = {
        value: 255 if value in ignored else sorted({*values}).index(value) for value in values
    }
    assert loaded.ids[0, ::4].tolist() == [wanted[value] for value in values]


def test_masks_of_too_many_values_are_refused_in_one_line(tmp_path):
    mask = np.arange(96, dtype=np.uint8).reshape(8, 12)
    layouts.split_pairs(tmp_path / "images/{}", tmp_path / "masks/{}", values=mask)
    with pytest.raises(DataError, match=r"masks hold 96 values .* too many to be classes"):
        settings(tmp_path)


def masks_of(root, *masks):
    """Write a mask each for the images of a folder without splits."""
    for number, mask in enumerate(masks):
        save(root / f"images/{number}.png", np.full((*mask.shape[:2], 3), number, np.uint8))
        save(root / f"masks/{number}.png", mask.astype(np.uint8))
    return layout_settings(root, action="train", given={})


def test_values_of_single_pixels_are_classes_with_a_warning(tmp_path):
    mask = np.kron([[0, 255]], np.ones((60, 30)))
    mask[0, :2] = 1, 254
    keys, notes = masks_of(tmp_path, mask)
    assert keys["dataset.segment.num_classes"] == 4
    assert f"{tmp_path}: 2 of the 4 classes have less than 0.001 of the pixels" in notes[-1]


@pytest.mark.parametrize("ignore", [None, 255])
def test_255_beside_numbers_with_gaps_is_doubted_unless_somebody_said_what_it_is(tmp_path, ignore):
    if ignore is not None:
        (tmp_path / "dataset.json").write_text(json.dumps({"ignore": ignore}))
    _, notes = masks_of(tmp_path, np.repeat([[0, 90, 255]], 8, axis=0).repeat(4, axis=1))
    assert any("255 is a class: if it does not" in n for n in notes) == (ignore is None)


def test_many_values_above_255_are_called_numbers_of_objects(tmp_path):
    save(tmp_path / "images/0.png", np.zeros((10, 10), np.uint8))
    save(tmp_path / "masks/0.png", np.arange(1000, 1100, dtype=np.uint16).reshape(10, 10))
    with pytest.raises(
        DataError, match=r"hold the value 1000; class values are 0 to 255: if these"
    ):
        layout_settings(tmp_path, action="train", given={})


def test_masks_that_were_stretched_one_by_one_are_warned_of(tmp_path):
    shades = np.arange(12).reshape(3, 4) % 3
    _, notes = masks_of(tmp_path, shades * 127, np.minimum(shades, 1) * 255)
    assert "they seem to be stretched one by one" in notes[-1]


def test_colours_of_softened_edges_are_refused(tmp_path):
    mask = np.zeros((20, 20, 3))
    mask[:, 10:, 0] = 255
    mask[:5, 9, 0] = 40, 80, 120, 160, 200
    with pytest.raises(DataError, match=r"7 colours, of which 5, .* mixtures .* softened edges"):
        masks_of(tmp_path, mask)


@pytest.mark.parametrize("order", [[0, 255], [255, 0]])
@pytest.mark.parametrize("bits", [1, 8])
def test_black_and_white_are_classes_in_any_order_with_masks_of_1_and_of_8_bits(
    tmp_path, order, bits
):
    marked = np.eye(8, dtype=bool)
    masks_of(tmp_path, marked)
    mask = Image.fromarray(marked) if bits == 1 else Image.fromarray(marked).convert("L")
    mask.save(tmp_path / "masks/0.png")
    classes = [{"value": value, "name": str(value)} for value in order]
    (tmp_path / "dataset.json").write_text(json.dumps({"classes": classes}))
    pair = next(iter(unsplit_pairs(tmp_path).values()))[0]
    expected = marked if order == [0, 255] else ~marked
    assert np.array_equal(load_pair(pair, settings(tmp_path)).ids, expected)


def test_settings_that_are_given_are_not_inferred(tmp_path):
    layouts.unsplit(tmp_path)
    given = {"dataset.segment.num_classes": 3}
    assert layout_settings(tmp_path, action="train", given=given) == ({}, [])


def test_a_folder_whose_name_is_not_utf_8_is_named(tmp_path):
    root = tmp_path / "caf\udce9"
    root.mkdir()
    assert layout_settings(root, action="train", given={}) == ({}, [])
    with pytest.raises(DataError, match="the name of this folder is not UTF-8"):
        source_of(segment(root))


def test_a_description_in_the_only_folder_within_is_read(tmp_path):
    layouts.kind_split(tmp_path / "unpacked")
    classes = [{"value": v, "name": name} for v, name in enumerate(("sky", "road", "car"))]
    (tmp_path / "unpacked/dataset.json").write_text(json.dumps({"classes": classes}))
    assert [entry.seg_class for entry in settings(tmp_path).palette] == ["sky", "road", "car"]


@pytest.mark.parametrize("place", ["Dataset.json", "dataset.json.txt", "images/dataset.json"])
def test_a_description_of_another_name_or_place_is_named(tmp_path, place):
    layouts.unsplit(tmp_path)
    (tmp_path / place).write_text('{"ignore": 0}')
    _, notes = layout_settings(tmp_path, action="train", given={})
    assert any(note.startswith(f"{tmp_path / place}: is not read: the desc") for note in notes)
    (tmp_path / "dataset.json").write_text("{}")
    assert not any("is not read" in each for each in layout_settings(
        tmp_path, action="train", given={})[1])  # fmt: skip


def test_masks_go_before_the_annotations_that_they_may_come_from(tmp_path):
    layouts.kind_split(tmp_path)
    layouts.labelme(tmp_path / "json")
    assert "images/<split> and masks/<split>" in source_of(segment(tmp_path)).notes[0]


def test_a_split_without_pairs_is_named(tmp_path):
    layouts.voc(tmp_path)
    (tmp_path / "VOCdevkit/VOC2012/ImageSets/Segmentation/val.txt").write_text("")
    with pytest.raises(DataError, match="the val split has no images with masks"):
        source_of(segment(tmp_path)).pairs("val")


def test_masks_of_one_class_leave_nothing_to_learn(tmp_path):
    mask = np.zeros((8, 12), np.uint8)
    layouts.split_pairs(tmp_path / "images/{}", tmp_path / "masks/{}", values=mask)
    with pytest.raises(DataError, match="class_0 is the only class of all masks"):
        settings(tmp_path)


def palette_masks(root, order, *, colours=((9, 8, 7), (10, 20, 30), (200, 0, 1))):
    """Write pairs whose masks are palette files, the table of the colours in an order for each."""
    for stem, names in zip(layouts.STEMS, order, strict=True):
        layouts.image(root / f"images/{stem}.png")
        mask = Image.fromarray(layouts.ids(), "P")
        mask.putpalette([part for index in names for part in colours[index]])
        (root / "masks").mkdir(exist_ok=True)
        mask.save(root / f"masks/{stem}.png")


def test_indices_of_palette_files_are_classes_and_one_line_says_so(tmp_path, caplog):
    palette_masks(tmp_path, [(0, 1, 2)] * 4)
    chosen = settings(tmp_path)
    assert [load_pair(p, chosen).ids[0, ::4].tolist() for p in source_of(chosen).pairs("train")][
        0
    ] == [0, 1, 2]
    check_data(chosen)
    assert caplog.text.count("4 masks are palette files, whose indices are taken as class") == 1


def test_palette_files_that_contradict_each_other_are_refused(tmp_path):
    palette_masks(tmp_path, [(0, 1, 2), (0, 1, 2), (0, 2, 1), (0, 1, 2)])
    with pytest.raises(DataError, match="so that indices are no class values; say the colours"):
        check_data(settings(tmp_path))


def write_geotiffs(root, values, nodata):
    tifffile = pytest.importorskip("tifffile")
    for stem in layouts.STEMS:
        layouts.image(root / f"images/{stem}.png")
        (root / "masks").mkdir(exist_ok=True)
        tags = [(42113, "s", 0, str(nodata), True)]
        mask = np.array(values, np.uint8)[layouts.ids()]
        tifffile.imwrite(root / f"masks/{stem}.tif", mask, photometric="minisblack", extratags=tags)


@pytest.mark.parametrize(
    ("values", "nodata", "expected", "words"),
    [
        ([0, 1, 2], 0, [255, 0, 1], "4 masks mark the value 0 as no data (GDAL_NODATA), which do"),
        ([3, 7, 255], 255, [0, 1, 255], "mark the value 255 as no data (GDAL_NODATA), which do"),
        ([0, 1, 0], 0, [0, 1, 0], "but it is that of class class_0, and counts"),
        ([0, 255, 100], 100, [0, 1, 255], "mark the value 100 as no data (GDAL_NODATA), which do"),
    ],
)
def test_no_data_of_geotiffs_is_ignored_if_two_classes_are_left_and_named(
    tmp_path, caplog, values, nodata, expected, words
):
    write_geotiffs(tmp_path, values, nodata)
    chosen = settings(tmp_path)
    loaded = load_pair(source_of(chosen).splits["train"][0], chosen)
    assert loaded.ids[0, ::4].tolist() == expected
    check_data(chosen)
    assert words in caplog.text


def test_a_value_that_not_all_masks_mark_as_no_data_is_a_class(tmp_path, caplog):
    write_geotiffs(tmp_path, [0, 1, 2], 0)
    for stem in layouts.STEMS[:2]:
        layouts.save(tmp_path / f"masks/{stem}.tif", layouts.ids())
    chosen = settings(tmp_path)
    assert [entry.seg_class for entry in chosen.palette] == THREE
    check_data(chosen)
    assert "2 masks mark the value 0 as no data (GDAL_NODATA), but it is that of" in caplog.text


def test_a_declared_class_counts_though_files_mark_it_as_no_data(tmp_path, caplog):
    write_geotiffs(tmp_path, [0, 1, 2], 0)
    classes = [{"value": v, "name": f"n{v}"} for v in (0, 1, 2)]
    (tmp_path / "dataset.json").write_text(json.dumps({"classes": classes}))
    chosen = settings(tmp_path)
    assert load_pair(source_of(chosen).splits["train"][0], chosen).ids[0, ::4].tolist() == [0, 1, 2]
    check_data(chosen)
    assert "but it is that of class n0, and counts" in caplog.text


@pytest.mark.parametrize(
    ("content", "values", "expected"),
    [
        ({"classes": (1, 2, 3), "ignore": 0}, [0, 1, 2, 3], [255, 0, 1, 2]),
        ({"classes": (3, 1, 0), "ignore": 2}, [0, 1, 2, 3], [2, 1, 255, 0]),
        ({"classes": (0, 1, 255), "ignore": None}, [0, 1, 255, 1], [0, 1, 2, 1]),
        ({"ignore": 0}, [0, 1, 2, 3], [255, 0, 1, 2]),
        ({"ignore": None}, [0, 1, 2, 255], [0, 1, 2, 3]),
        ({}, [0, 1, 2, 255], [0, 1, 2, 255]),
    ],
)
def test_what_dataset_json_says_is_ignored_and_nothing_else(tmp_path, content, values, expected):
    mask = np.array(values, np.uint8)[np.arange(12) // 3][None].repeat(8, 0)
    layouts.split_pairs(tmp_path / "images/{}", tmp_path / "masks/{}", values=mask)
    if "classes" in content:
        classes = [{"value": v, "name": f"n{v}"} for v in content["classes"]]
        content = {**content, "classes": classes}
    (tmp_path / "dataset.json").write_text(json.dumps(content))
    chosen = settings(tmp_path)
    loaded = load_pair(source_of(chosen).splits["train"][0], chosen)
    assert loaded.ids[0, ::3].tolist() == expected
