import json

import layouts
import numpy as np
import pytest
from pictures import segment

from segformer.data.check import check_data
from segformer.data.convert import import_data
from segformer.data.description import described
from segformer.data.load import load_pair
from segformer.data.source import source_of
from segformer.errors import DataError, SpecError
from segformer.spec.overrides import nested
from segformer.spec.spec import parse

DRAWN = {
    layouts.coco: ("coco", ["background", "car", "road"], [0, 2, 1]),
    layouts.labelme: ("labelme", ["background", "car", "road"], [0, 2, 1]),
    layouts.cvat: ("cvat", ["background", "road", "car"], [0, 1, 2]),
    layouts.yolo: ("yolo", ["background", "road", "car"], [0, 1, 2]),
    layouts.label_studio: ("labelstudio", ["background", "car", "road"], [0, 2, 1]),
}
LINKED = {
    layouts.kind_split: ("folders", ["class_0", "class_1", "class_2"], [0, 1, 2]),
    layouts.camvid: ("camvid", ["sky", "building", "pole"], [0, 1, 2]),
    layouts.camvid_colours: ("camvid", ["Road", "Car"], [255, 0, 1]),
    layouts.camvid_annot_colours: ("camvid", ["Road", "Car"], [255, 0, 1]),
    layouts.camvid_known_colours: ("camvid", ["Car", "Road"], [255, 1, 0]),
    layouts.named_splits: ("named", ["class_0", "class_1", "class_2"], [0, 1, 2]),
    layouts.split_groups: ("groups", ["class_0", "class_1", "class_2"], [0, 1, 2]),
    layouts.split_lists: ("unsplit", ["Sky", "Road", "Car"], [0, 1, 2]),
    layouts.roboflow_masks: ("suffix", ["background", "road", "car", "moon"], [0, 1, 2]),
    layouts.voc: ("voc", ["background", "aeroplane", "bicycle"], [0, 1, 2]),
    layouts.cvat_masks: ("voc", ["background", "cat", "dog"], [0, 1, 2]),
    layouts.cityscapes: ("cityscapes", ["road", "sidewalk", "building"], [255, 0, 13]),
    layouts.ade20k: ("ade20k", ["wall", "building", "class_3"], [255, 0, 1]),
    layouts.suffix: ("suffix", ["class_0", "class_1", "class_2"], [0, 1, 2]),
    layouts.csv_pairs: ("csv", ["class_0", "class_1", "class_2"], [0, 1, 2]),
}


@pytest.mark.parametrize("kind", ["auto", "named"])
@pytest.mark.parametrize("write", [*DRAWN, *LINKED], ids=lambda write: write.__name__)
def test_an_import_is_read_as_the_layout_is(tmp_path, write, kind):
    source, target = tmp_path / "source", tmp_path / "target"
    name, names, expected = {**DRAWN, **LINKED}[write]
    write(source)
    report = import_data(name if kind == "named" else kind, source, target)
    assert sum(report.counts.values()) == 4
    keys = {**described(target, given={}), "dataset.segment.root_dir": str(target)}
    chosen = parse(nested(keys)).dataset.segment
    assert check_data(chosen).record["val"] == report.counts["val"] > 0
    assert [entry.seg_class for entry in chosen.palette][: len(names)] == names
    pair = source_of(chosen).splits["train"][0]
    assert load_pair(pair, chosen).ids[-1, ::4].tolist() == expected


@pytest.mark.parametrize(
    ("values", "ignored"), [([0, 128, 255], None), ([0, 1, 255], 255), ([3, 4, 5], 255)]
)
def test_the_ignored_value_of_an_import_is_no_class(tmp_path, values, ignored):
    mask = np.array(values, np.uint8)[layouts.ids()]
    layouts.split_pairs(tmp_path / "a/images/{}", tmp_path / "a/masks/{}", values=mask)
    import_data("auto", tmp_path / "a", tmp_path / "b")
    content = json.loads((tmp_path / "b/dataset.json").read_text())
    assert content["ignore"] == ignored
    assert [each["value"] for each in content["classes"]] == [v for v in values if v != ignored]


def test_colours_that_classes_share_are_not_imported(tmp_path):
    layouts.camvid(tmp_path / "a")
    (tmp_path / "a/dataset_meta.json").write_text(
        json.dumps(
            {"label_map": {str(i): f"c{i}" for i in range(12)},
             "segmentation_colors": [[9, 9, i // 2] for i in range(12)]}
        )
    )  # fmt: skip
    import_data("auto", tmp_path / "a", tmp_path / "b")
    content = json.loads((tmp_path / "b/dataset.json").read_text())
    assert not any("color" in each for each in content["classes"])


def test_an_import_links_what_stays_and_records_what_it_did(tmp_path):
    source, target = tmp_path / "source", tmp_path / "target"
    layouts.kind_split(source)
    import_data("auto", source, target)
    inodes = {path.stat().st_ino for path in source.rglob("*.*")}
    images = list(target.glob("*/*/*.*"))
    assert {path.stat().st_ino for path in images} == inodes
    record = json.loads((target / "import.json").read_text())
    assert record["kind"] == "folders"
    assert record["files"] == {"linked": 8}
    assert record["counts"] == {"train": 2, "val": 2}


def test_a_category_that_no_annotation_has_is_no_class(tmp_path):
    layouts.coco(tmp_path / "source")
    report = import_data("coco", tmp_path / "source", tmp_path / "target")
    assert report.notes == [f"{tmp_path / 'source'}: no annotation has the category moon"]


def test_the_class_of_a_small_thing_lies_on_that_of_a_large_one(tmp_path):
    layouts.coco(tmp_path / "source")
    (path,) = tmp_path.glob("source/annotations/*train*.json")
    content = json.loads(path.read_text())
    whole = [0, 0, 12, 0, 12, 8, 0, 8]
    entry = {"image_id": 0, "category_id": 7, "segmentation": [whole], "area": 96}
    content["annotations"].append(entry)
    path.write_text(json.dumps(content))
    import_data("coco", tmp_path / "source", tmp_path / "target")
    source = source_of(segment(tmp_path / "target"))
    ids = load_pair(source.splits["train"][0], segment(num_classes=3, palette=[])).ids
    assert ids[0, ::4].tolist() == [2, 2, 1]


@pytest.mark.parametrize(
    ("kind", "error", "words"),
    [
        ("cocoo", SpecError, "KIND: 'cocoo' is not one of auto, described, .*; did you mean coco?"),
        ("voc", DataError, "lacks JPEGImages/"),
        ("auto", DataError, "holds no files"),
    ],
)
def test_what_cannot_be_imported_is_refused(tmp_path, kind, error, words):
    (tmp_path / "source/empty").mkdir(parents=True)
    with pytest.raises(error, match=words):
        import_data(kind, tmp_path / "source", tmp_path / "target")
    assert not (tmp_path / "target").exists()


def test_a_set_of_another_layout_than_is_named_says_which_it_is(tmp_path):
    layouts.labelme(tmp_path / "source")
    with pytest.raises(DataError, match="source: is not COCO, but LabelMe: give labelme"):
        import_data("coco", tmp_path / "source", tmp_path / "target")


def test_an_annotation_that_cannot_be_drawn_is_named(tmp_path):
    layouts.labelme(tmp_path / "source")
    path = tmp_path / "source/b.json"
    path.write_text(path.read_text().replace('"polygon"', '"spline"', 1))
    with pytest.raises(DataError, match=r"b.json: cannot be drawn .*type spline is not known"):
        import_data("auto", tmp_path / "source", tmp_path / "target")
    assert not (tmp_path / "target").exists()


def test_images_of_one_name_in_two_folders_are_told_apart(tmp_path):
    for city in ("x", "y"):
        for kind in ("images", "masks"):
            folder = tmp_path / "source" / city / kind
            folder.mkdir(parents=True)
    rows = ["image,mask"]
    for seed, city in enumerate(("x", "y")):
        layouts.image(tmp_path / f"source/{city}/images/a.png", seed)
        layouts.save(tmp_path / f"source/{city}/masks/a.png", layouts.ids())
        rows.append(f"{city}/images/a.png,{city}/masks/a.png")
    (tmp_path / "source/pairs.csv").write_text("\n".join(rows))
    import_data("csv", tmp_path / "source", tmp_path / "target")
    names = {path.name for path in (tmp_path / "target/images/train").iterdir()}
    assert names == {"a.png", "y__images__a.png"}


def test_a_description_that_the_source_has_is_kept(tmp_path):
    layouts.kind_split(tmp_path / "source")
    classes = [{"value": v, "name": name} for v, name in enumerate(("sky", "road", "car"))]
    content = {"classes": classes, "ignore": 9, "license": "CC0"}
    (tmp_path / "source/dataset.json").write_text(json.dumps(content))
    report = import_data("auto", tmp_path / "source", tmp_path / "target")
    assert report.classes == ["sky", "road", "car"]
    assert json.loads((tmp_path / "target/dataset.json").read_text()) == content


@pytest.mark.parametrize(
    ("write", "name", "text", "words"),
    [
        (layouts.coco, "annotations/instances_val2017.json", '{"images" "annotations" "categories"',
         "instances_val2017.json: cannot be read"),
        (layouts.coco, "annotations/instances_val2017.json",
         '{"images": 3, "annotations": [], "categories": []}',
         "instances_val2017.json: images is 3, not a list of objects"),
        (layouts.labelme, "b.json", '{"shapes": [{}], "imagePath": "b.jpg"}',
         r"b.json: shapes\[0\].label is missing; it must be a name"),
        (layouts.label_studio, "export.json", '[{"annotations": [{"result": 3}]}]',
         r"export.json: \[0\].annotations\[0\].result is 3, not a list of objects"),
    ],
)  # fmt: skip
def test_annotations_that_are_broken_are_named(tmp_path, write, name, text, words):
    write(tmp_path / "source")
    (tmp_path / "source" / name).write_text(text)
    with pytest.raises(DataError, match=words):
        import_data("auto", tmp_path / "source", tmp_path / "target")


def test_the_split_of_the_source_is_kept(tmp_path):
    layouts.unsplit(tmp_path / "source")
    (tmp_path / "source/split.json").write_text(json.dumps({"val": ["images/b.jpg"]}))
    report = import_data("auto", tmp_path / "source", tmp_path / "target")
    assert report.counts == {"train": 3, "val": 1}
    assert [path.name for path in (tmp_path / "target/images/val").iterdir()] == ["b.jpg"]


def test_names_of_a_table_beside_the_masks_are_imported(tmp_path):
    layouts.unsplit(tmp_path / "a/set")
    (tmp_path / "a/set/masks/classes.json").write_text('["sky", "road", "car"]')
    assert import_data("auto", tmp_path / "a", tmp_path / "b").classes == ["sky", "road", "car"]
