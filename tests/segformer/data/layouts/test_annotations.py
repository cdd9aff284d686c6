"""Exports of annotation tools as people have them, and not only as the tools describe them."""

import base64
import json
import re
from io import BytesIO

import layouts
import numpy as np
import pytest
from pictures import segment
from PIL import Image

from segformer.data.check import check_data
from segformer.data.layouts.drawing import Region, drawn, rectangle, turned
from segformer.data.source import layout_settings, source_of, unsplit_pairs
from segformer.errors import DataError

SQUARE = [0, 0, 6, 0, 6, 8, 0, 8]


def entry(image, category, **values):
    return {"image_id": image, "category_id": category, "segmentation": [SQUARE], "area": 48,
            **values}  # fmt: skip


def write_coco(path, entries, categories, count=3, prefix=""):
    for number in range(count):
        layouts.image(path.parent / f"{prefix}{number}.jpg")
    images = [
        {"id": n, "file_name": f"{prefix}{n}.jpg", "width": 12, "height": 8} for n in range(count)
    ]
    named = [{"id": number, "name": name} for number, name in categories.items()]
    content = {"images": images, "annotations": entries, "categories": named}
    path.write_text(json.dumps(content))


def drawn_ids(root):
    """Return the upper row of every mask, by the stem of its image."""
    return {p.stem: p.draw()[0] for pairs in unsplit_pairs(root).values() for p in pairs}


def test_categories_of_two_files_are_the_same_by_name(tmp_path):
    for split, numbers in (("train", {1: "road", 2: "car"}), ("valid", {1: "car", 2: "road"})):
        (tmp_path / split).mkdir()
        path = tmp_path / split / "_annotations.coco.json"
        road = next(number for number, name in numbers.items() if name == "road")
        write_coco(path, [entry(n, road) for n in range(3)] + [entry(0, 3 - road, segmentation=[
            [6, 0, 12, 0, 12, 8, 6, 8]])], numbers, prefix=split)  # fmt: skip
    ids = drawn_ids(tmp_path)
    assert ids["train0"].tolist() == ids["valid0"].tolist() == [1] * 6 + [2] * 6


def test_boxes_are_refused_and_some_among_outlines_are_named(tmp_path):
    path = tmp_path / "a.json"
    write_coco(path, [entry(n, 1, segmentation=[]) for n in range(3)], {1: "a"})
    with pytest.raises(DataError, match="holds boxes without outlines, as for detection"):
        unsplit_pairs(tmp_path)
    write_coco(path, [entry(0, 1), entry(1, 1, segmentation=[])], {1: "a"})
    assert "1 of 2 annotations have no outline" in source_of(segment(tmp_path)).notes[1]


def test_images_without_files_are_left_out_with_a_note_and_refused_if_none_has_one(tmp_path):
    write_coco(tmp_path / "a.json", [entry(n, 1) for n in range(3)], {1: "a"})
    (tmp_path / "2.jpg").unlink()
    assert "1 of 3 images have no file below" in source_of(segment(tmp_path)).notes[1]
    for number in range(2):
        (tmp_path / f"{number}.jpg").unlink()
    with pytest.raises(DataError, match="3 of 3 images have no file below"):
        unsplit_pairs(tmp_path)


def test_a_category_called_background_is_what_no_annotation_covers(tmp_path):
    write_coco(tmp_path / "a.json", [entry(0, 7), entry(1, 9)], {7: "Background", 9: "a"})
    ids = drawn_ids(tmp_path)
    assert (ids["0"].max(), ids["1"].max()) == (0, 1)


def cvat(root, shapes, labels="<label><name>road</name><type>any</type></label>"):
    layouts.image(root / "images/sub/a.jpg")
    layouts.image(root / "images/sub/b.jpg")
    images = "".join(
        f'<image name="sub/{stem}.jpg" width="12" height="8">{shapes}</image>' for stem in "ab"
    )
    (root / "annotations.xml").write_text(
        f"<annotations><meta>{labels}</meta>{images}</annotations>"
    )


def test_lines_points_and_tags_of_cvat_are_no_areas(tmp_path):
    labels = "".join(f"<label><name>{n}</name><type>{t}</type></label>"
                     for n, t in (("road", "any"), ("night", "tag")))  # fmt: skip
    shapes = '<box label="road" xtl="0" ytl="0" xbr="6" ybr="8"/><tag label="night"/>'
    cvat(tmp_path, f'{shapes}<polyline label="lane" points="0,0;3,3"/>', labels)
    source = source_of(segment(tmp_path))
    assert "shapes that cover no area are left out: 2 polyline of lane" in source.notes[1]
    assert drawn_ids(tmp_path)["a"].max() == 1
    cvat(tmp_path, '<tag label="night"/>', labels)
    with pytest.raises(DataError, match="labels whole images, points or lines, and no areas"):
        unsplit_pairs(tmp_path)


def test_a_turned_box_of_cvat_is_drawn_turned(tmp_path):
    cvat(tmp_path, '<box label="road" xtl="2" ytl="2" xbr="10" ybr="6" rotation="90"/>')
    # 8x4 about its centre 6, 4 is 4x8: from 4 to 8, in all rows.
    assert drawn_ids(tmp_path)["a"].tolist() == [0] * 4 + [1] * 4 + [0] * 4


def test_a_rectangle_turned_by_a_half_covers_the_same_about_its_centre():
    box = rectangle(2, 1, 10, 5)
    plain, half = (
        drawn((12, 8), [Region(1, [points])]) for points in (box, turned(box, 180, (6, 3)))
    )
    assert np.array_equal(plain, half)


def labelme(path, shapes, image):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"shapes": shapes, "imagePath": image}))


def test_labelme_finds_images_that_were_moved_and_leaves_out_points(tmp_path):
    area = {"label": "road", "points": layouts.corners((4, 8))}
    point = {"label": "tip", "points": [[1, 1]], "shape_type": "point"}
    for stem in "ab":
        layouts.image(tmp_path / f"photos/{stem}.jpg")
        path = tmp_path / f"json/{stem}.json"
        labelme(path, [area, point], f"C:\\Users\\me\\photos\\{stem}.jpg")
    assert drawn_ids(tmp_path)["a"].tolist() == [0] * 4 + [1] * 4 + [0] * 4
    notes = source_of(segment(tmp_path)).notes
    assert "shapes that cover no area are left out: 2 point of tip" in notes[1]


def test_labelme_reads_the_image_of_its_name_where_the_one_that_it_names_is_gone(tmp_path):
    area = {"label": "road", "points": layouts.corners((4, 8))}
    for number, stem in enumerate("ab"):
        layouts.image(tmp_path / f"{stem}.jpg")
        labelme(tmp_path / f"{stem}.json", [area], f"IMG_{number}.png")
    assert drawn_ids(tmp_path)["b"].tolist() == [0] * 4 + [1] * 4 + [0] * 4
    notes = source_of(segment(tmp_path), is_kept=False).notes
    assert any("2 JSON files, as a.json, name images that are not there" in note for note in notes)
    (tmp_path / "a.bmp").write_bytes(b"")  # Of two, none is meant.
    assert "its image IMG_0.png does not exist" in str(source_of(segment(tmp_path)).faults)


def test_a_rectangle_of_labelme_may_have_four_corners(tmp_path):
    layouts.image(tmp_path / "a.jpg")
    shape = {"label": "road", "points": layouts.corners((4, 8)), "shape_type": "rectangle"}
    labelme(tmp_path / "a.json", [shape], "a.jpg")
    assert drawn_ids(tmp_path)["a"].tolist() == [0] * 4 + [1] * 4 + [0] * 4


def test_labelme_of_lines_alone_is_refused_with_the_reason(tmp_path):
    layouts.image(tmp_path / "a.jpg")
    shape = {"label": "road", "points": [[0, 0], [4, 4]], "shape_type": "line"}
    labelme(tmp_path / "a.json", [shape], "a.jpg")
    with pytest.raises(DataError, match="1 line of road, and there are no others; draw polygons"):
        check_data(segment(tmp_path))
    assert layout_settings(tmp_path, action="train", given={}) == ({}, [])


def test_labels_that_differ_in_case_or_spaces_are_named(tmp_path, caplog):
    for stem, label in zip(layouts.STEMS, ("road", "Road ", "traffic_light", "Traffic light"),
                           strict=True):  # fmt: skip
        layouts.image(tmp_path / f"{stem}.jpg")
        area = {"label": label, "points": layouts.corners((4, 8))}
        labelme(tmp_path / f"{stem}.json", [area], f"{stem}.jpg")
    keys, _ = layout_settings(tmp_path, action="train", given={})
    named = {key.removeprefix("dataset.segment."): value for key, value in keys.items()}
    check_data(segment(tmp_path, **named))
    assert "'Road ', 'road'; 'Traffic light', 'traffic_light'; if they are one" in caplog.text


@pytest.mark.parametrize("marked", [1, 255, True])
def test_any_value_but_0_of_a_labelme_mask_is_the_shape(tmp_path, marked):
    mask = np.zeros((4, 6), type(marked) if marked is True else np.uint8)
    mask[:, 3:] = marked
    content = BytesIO()
    Image.fromarray(mask).save(content, "PNG")
    shape = {"label": "road", "points": [[2, 0], [7, 3]], "shape_type": "mask",
             "mask": base64.b64encode(content.getvalue()).decode()}  # fmt: skip
    layouts.image(tmp_path / "a.jpg")
    labelme(tmp_path / "a.json", [shape], "a.jpg")
    assert drawn_ids(tmp_path)["a"].tolist() == [0] * 5 + [1] * 3 + [0] * 4


def task(number, *annotations, **values):
    return {"id": number, "data": {"image": f"/data/upload/1/01234567-{number}.jpg"},
            "annotations": list(annotations), **values}  # fmt: skip


def region(label, **values):
    value = {"x": 0, "y": 0, "width": 50, "height": 100, "rectanglelabels": [label], **values}
    return {"original_width": 12, "original_height": 8, "type": "rectanglelabels", "value": value}


def test_label_studio_of_several_annotators_takes_the_first_valid_annotation(tmp_path):
    for number in range(4):
        layouts.image(tmp_path / f"media/{number}.jpg")
    tasks = [
        task(0, {"result": [region("a")]}, {"result": [region("b")]}),
        task(1, {"result": [region("b")], "was_cancelled": True}, {"result": [region("a")]}),
        task(2, {"result": []}),
        task(3),
    ]
    (tmp_path / "export.json").write_text(json.dumps(tasks))
    source = source_of(segment(tmp_path))
    assert "1 tasks without annotations are left out" in source.notes[1]
    assert "1 tasks have several annotations, of which the first is used" in source.notes[2]
    tops = {stem: row.max() for stem, row in drawn_ids(tmp_path).items()}
    assert tops == {"0": 1, "1": 1, "2": 0}


def test_a_rectangle_of_label_studio_is_turned_about_its_corner(tmp_path):
    for number in range(2):
        layouts.image(tmp_path / f"{number}.jpg")
    turned_one = region("a", x=50, width=100 / 3, height=50, rotation=90)  # 6, 0: 4 by 4 pixels.
    tasks = [task(n, {"result": [turned_one]}) for n in range(2)]
    (tmp_path / "export.json").write_text(json.dumps(tasks))
    assert drawn_ids(tmp_path)["0"].tolist() == [0] * 2 + [1] * 4 + [0] * 6


def test_yolo_without_polygons_is_refused_and_an_image_without_objects_is_background(tmp_path):
    layouts.yolo(tmp_path)
    (tmp_path / "labels/train/a.txt").write_text("")
    (tmp_path / "labels/train/b.txt").unlink()
    ids = drawn_ids(tmp_path)
    assert [ids[stem].max() for stem in "abcd"] == [0, 0, 2, 2]
    (tmp_path / "labels/val/c.txt").write_text("0 a b c\n")
    with pytest.raises(DataError, match=r"c.txt: is no line of a class and coordinates"):
        unsplit_pairs(tmp_path)
    for path in tmp_path.glob("labels/*/*.txt"):
        path.write_text("0 0.5 0.5 0.2 0.2\n")
    with pytest.raises(DataError, match="holds boxes, as for detection, and no polygons"):
        unsplit_pairs(tmp_path)


def test_yolo_names_a_text_whose_image_is_missing(tmp_path):
    layouts.yolo(tmp_path)
    (tmp_path / "images/train/a.jpg").unlink()
    with pytest.raises(DataError, match=r"a.txt: has no image a\.\* in"):
        unsplit_pairs(tmp_path)


POLYGON = "0.1 0.1 0.6 0.1 0.6 0.6"


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("0 10 10 60 10 60 40", r"c.txt: line 2: the coordinate 10 is not a share of the width"),
        ("0 nan 0.1 0.6 0.1 0.6 0.6", r"c.txt: line 2: the coordinate nan is not a share"),
        (f"9 {POLYGON}", r"c.txt: line 2: 9 is not among the classes; data.yaml names 0 to 1"),
        (f"-1 {POLYGON}", r"c.txt: line 2: -1 is not among the classes"),
    ],
)
def test_yolo_names_the_line_that_is_wrong(tmp_path, line, words):
    layouts.yolo(tmp_path)
    for stem in "cd":
        (tmp_path / f"labels/val/{stem}.txt").write_text(f"0 {POLYGON} 0.1 1.005\n{line}\n")
    with pytest.raises(DataError, match=rf"{words}.* \(and 1 more files\)"):
        unsplit_pairs(tmp_path)
    with pytest.raises(DataError) as caught:
        check_data(segment(tmp_path))
    assert not any("cannot be drawn" in fault for fault in caught.value.faults)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (f"0.0 {POLYGON}", "is no line of a class and coordinates: 0.0 0.1"),
        (f"0 {POLYGON}".replace(" ", ","), "is no line of a class and coordinates: 0,0.1"),
        ("0 10 10 60 10 60 40", "the coordinate 10 is not a share"),
    ],
)
def test_faults_of_every_text_are_shown_and_no_setting_that_nobody_gave(tmp_path, line, words):
    layouts.yolo(tmp_path)
    for path in tmp_path.glob("labels/*/*.txt"):
        path.write_text(f"{line}\n")
    found, _ = layout_settings(tmp_path, action="train", given={})
    assert not any("num_classes" in key for key in found)
    with pytest.raises(DataError, match=re.escape(words)):
        unsplit_pairs(tmp_path)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("names: [a, b\n", "cannot be read as YAML"),
        ("names: [a, b]\nnames: [b, a]\n", r".*'names' is there twice, on lines 1 and 2"),
        ("names:\n  0: a\n  1: b\n  0: c\n", r".*'0' is there twice, on lines 2 and 4"),
        ("names: {0: a, 0: b}\n", r".*'0' is there twice, on lines 1 and 1"),
        ("names: a, b\n", r"names is 'a, b', not a list like \[road, car\]"),
        ("names: {x: a}\n", "names has 'x', which is no number of a class"),
    ],
)
def test_a_data_yaml_that_is_not_understood_is_refused(tmp_path, text, words):
    layouts.yolo(tmp_path)
    (tmp_path / "data.yaml").write_text(text)
    with pytest.raises(DataError, match=rf"data\.yaml: {words}"):
        unsplit_pairs(tmp_path)


def test_classes_of_one_name_in_data_yaml_are_one_class_with_a_note(tmp_path):
    layouts.yolo(tmp_path)
    (tmp_path / "data.yaml").write_text("names: [a, a]\n")
    notes = source_of(segment(tmp_path)).notes
    assert f"{tmp_path}/data.yaml: the classes 0, 1 are all called a: they are one class" in notes


def stems_by_split(root):
    return {split: [p.stem for p in pairs] for split, pairs in unsplit_pairs(root).items()}


def test_data_yaml_says_which_folder_is_which_split_if_they_lie_in_the_set(tmp_path):
    layouts.yolo(tmp_path)
    names = "names: [road, car]\n"
    by_name = {"train": ["a", "b"], "val": ["c", "d"]}
    for text, expected in (
        (
            "train: images/val\nval: images/train\ntest: images/none\n",
            {"train": ["c", "d"], "val": ["a", "b"]},
        ),
        ("train: ../train/images\nval: ../valid/images\n", by_name),
        ("train: images/train\nval: images/train\n", by_name),
    ):
        (tmp_path / "data.yaml").write_text(text + names)
        assert stems_by_split(tmp_path) == expected


def test_a_class_of_data_yaml_without_polygons_is_named(tmp_path):
    layouts.yolo(tmp_path)
    (tmp_path / "data.yaml").write_text("names: [road, car, moon]\n")
    assert "no polygon has the class moon" in " ".join(source_of(segment(tmp_path)).notes)


def test_annotations_of_unknown_images_are_counted_and_refused_if_all_are(tmp_path):
    path = tmp_path / "a.json"
    write_coco(path, [entry(0, 1), entry(77, 1)], {1: "a"})
    line = "1 of 2 annotations have an image_id that no image has: 77"
    assert f"{line}; they are left out" in " ".join(source_of(segment(tmp_path)).notes)
    write_coco(path, [entry(77, 1), entry(78, 1)], {1: "a"})
    with pytest.raises(DataError, match="2 of 2 annotations have an image_id that no image has"):
        unsplit_pairs(tmp_path)


def changed_coco(root, change, categories):
    path = root / "a.json"
    write_coco(path, [entry(n, 1) for n in range(3)], categories)
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))


def test_two_images_or_categories_of_one_id_are_refused(tmp_path):
    changed_coco(tmp_path, lambda content: content["images"][1].update(id=0), {1: "a"})
    with pytest.raises(DataError, match="2 images have the id 0: 0.jpg, 1.jpg"):
        unsplit_pairs(tmp_path)
    changed_coco(tmp_path, lambda content: content["categories"][1].update(id=1), {1: "a", 2: "b"})
    with pytest.raises(DataError, match="2 categories have the id 1: a, b"):
        unsplit_pairs(tmp_path)


def test_categories_of_one_name_are_one_class_with_a_note(tmp_path):
    write_coco(tmp_path / "a.json", [entry(0, 1), entry(1, 7)], {1: "cat", 7: "cat"})
    notes = " ".join(source_of(segment(tmp_path)).notes)
    assert "the categories 1, 7 are all called cat: they are one class" in notes
    assert [row.max() for row in drawn_ids(tmp_path).values()] == [1, 1, 0]


def test_a_file_name_that_leads_out_of_the_data_set_is_refused(tmp_path):
    layouts.image(tmp_path / "other/secret.jpg")
    root = tmp_path / "set"
    root.mkdir()
    name = "../other/secret.jpg"
    changed_coco(root, lambda content: content["images"][0].update(file_name=name), {1: "a"})
    with pytest.raises(DataError, match=r"the file_name '\.\./other/secret\.jpg' leads out of"):
        unsplit_pairs(root)


@pytest.mark.parametrize("on_disk", ["100%25 {}.jpg", "100% {}.jpg"])
def test_a_file_name_is_tried_as_it_stands_and_as_an_address(tmp_path, on_disk):
    changed_coco(
        tmp_path,
        lambda content: [i.update(file_name=f"100%25 {i['id']}.jpg") for i in content["images"]],
        {1: "a"},
    )
    for number in range(3):
        (tmp_path / f"{number}.jpg").rename(tmp_path / on_disk.format(number))
    assert [row.max() for row in drawn_ids(tmp_path).values()] == [1, 1, 1]


def test_images_of_another_size_than_annotations_say_are_one_line(tmp_path):
    change = {"width": 20, "height": 30}
    changed_coco(tmp_path, lambda content: [i.update(change) for i in content["images"]], {1: "a"})
    with pytest.raises(DataError) as caught:
        check_data(segment(tmp_path, num_classes=2, label_transform="None"))
    (line,) = [fault for fault in caught.value.faults if "pixels" in fault]
    assert ".jpg: is 12x8 pixels, but a.json says 20x30 (3 such files" in line


@pytest.mark.parametrize(
    ("kind", "change", "words"),
    [
        ("images", {"file_name": None}, r"images\[0\].file_name is None, not a name"),
        ("images", {"width": "wide"}, r"images\[0\].width is 'wide', not a whole number above 0"),
        ("annotations", {"segmentation": SQUARE}, r"\.segmentation is \[0, 0, 6.*not a list of"),
        ("annotations", {"category_id": "1"},
         r"1 of 3 annotations have a category_id that no category has: '1'; the categories have 1"),
        ("annotations", {"segmentation": [["x", 0, 6, 0, 6, 8]]}, "coordinate 'x', which is no"),
    ],
)  # fmt: skip
def test_a_part_of_coco_that_is_something_else_is_named(tmp_path, kind, change, words):
    changed_coco(tmp_path, lambda content: content[kind][0].update(change), {1: "a"})
    with pytest.raises(DataError, match=words):
        drawn_ids(tmp_path)


@pytest.mark.parametrize("categories", [{1: "a"}, {}])
def test_annotations_of_no_category_are_one_line(tmp_path, categories):
    """As those of captions are, of which each has category 0."""
    write_coco(tmp_path / "captions.json", [entry(n, 7) for n in range(3)], categories)
    with pytest.raises(DataError) as caught:
        check_data(segment(tmp_path, num_classes=2, label_transform="None"))
    assert len(caught.value.faults) == 1
    assert "3 of 3 annotations have a category_id that no category has: 7" in str(caught.value)


def test_captions_are_named(tmp_path):
    captions = [entry(n, 1, segmentation=[], caption="a cup") for n in range(3)]
    write_coco(tmp_path / "captions.json", captions, {1: "a"})
    with pytest.raises(DataError, match="captions.json: holds captions, and no outlines"):
        unsplit_pairs(tmp_path)


def test_coco_without_sizes_takes_those_of_the_images(tmp_path):
    def bare(content):
        for image in content["images"]:
            del image["width"], image["height"]

    changed_coco(tmp_path, bare, {1: "a"})
    assert drawn_ids(tmp_path)["0"].tolist() == [1] * 6 + [0] * 6


def test_shares_of_the_size_are_no_pixels(tmp_path):
    square = [each / 12 for each in SQUARE]
    entries = [entry(n, 1, segmentation=[square]) for n in range(3)]
    write_coco(tmp_path / "a.json", entries, {1: "road"})
    with pytest.raises(DataError, match="a.json: all coordinates lie between 0 and 1, as shares"):
        unsplit_pairs(tmp_path)


def test_labelme_in_shares_or_with_the_image_inside_is_refused(tmp_path):
    shape = {"label": "road", "points": [[0, 0], [0.5, 0], [0.5, 1]]}
    labelme(tmp_path / "a.json", [shape], "a.jpg")
    with pytest.raises(DataError, match="all coordinates lie between 0 and 1"):
        unsplit_pairs(tmp_path)
    content = json.loads((tmp_path / "a.json").read_text())
    (tmp_path / "a.json").write_text(json.dumps({**content, "imageData": "aaaa"}))
    with pytest.raises(DataError, match=r"it lies within the JSON file \(imageData\): write it"):
        unsplit_pairs(tmp_path)


def test_coco_for_panoptic_is_not_taken_for_masks(tmp_path):
    layouts.pairs(tmp_path / "images", tmp_path / "annotations/panoptic_train2017")
    (tmp_path / "annotations/panoptic_train2017.json").write_text("{}")
    with pytest.raises(DataError, match="is COCO for panoptic segmentation"):
        unsplit_pairs(tmp_path)


def test_polygons_of_coco_without_area_are_counted(tmp_path):
    thin = [SQUARE, [1, 1, 4, 4]]
    changed_coco(tmp_path, lambda c: c["annotations"][0].update(segmentation=thin), {1: "a"})
    assert drawn_ids(tmp_path)["0"].max() == 1
    assert "are left out: 1 polygon of a" in " ".join(source_of(segment(tmp_path)).notes)


@pytest.mark.parametrize(
    ("shape", "words"),
    [
        ({"label": None, "points": []}, r"shapes\[0\].label is None, not a name"),
        ({"label": " ", "points": []}, r"shapes\[0\].label is ' ', not a name"),
        ({"label": "a", "points": [[1, 2, 3]]}, r"points is \[\[1, 2, 3\]\], not a list of points"),
        ({"label": "a", "points": [[1, 2]] * 3, "shape_type": "circle"}, "has 3 points, not 2"),
        ({"label": "a", "points": [], "shape_type": "mask"}, r"shapes\[0\].mask is missing"),
    ],
)  # fmt: skip
def test_a_shape_of_labelme_that_is_not_understood_is_named(tmp_path, shape, words):
    layouts.image(tmp_path / "a.jpg")
    labelme(tmp_path / "a.json", [shape], "a.jpg")
    with pytest.raises(DataError, match=rf"a\.json: .*{words}"):
        drawn_ids(tmp_path)


@pytest.mark.parametrize(
    ("shape", "words"),
    [
        ('<polygon label="road" points="0,0;20;x,20"/>', "has points='0,0;20;x,20', not x,y;"),
        ('<box label="road" xtl="a"/>', "box has xtl='a', where a number is expected"),
        ('<ellipse label="road" cx="1"/>', "ellipse has no cy, where a number is expected"),
        ('<mask label="road" left="0" top="0" width="2" height="1" rle="a"/>', "mask has rle='a'"),
    ],
)  # fmt: skip
def test_a_shape_of_cvat_that_is_not_understood_is_named(tmp_path, shape, words):
    cvat(tmp_path, shape)
    with pytest.raises(DataError, match=words):
        drawn_ids(tmp_path)


def test_the_order_of_z_may_be_written_as_a_fraction(tmp_path):
    box = '<box label="{}" xtl="0" ytl="0" xbr="6" ybr="8" z_order="{}"/>'
    cvat(tmp_path, box.format("road", "5.0") + box.format("car", "-1"))
    assert drawn_ids(tmp_path)["a"].max() == 1


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"width": "x"}, r"\[0\].annotations\[0\].result\[0\].value.width is 'x', not a number"),
        ({"x": None}, r"value.x is None, not a number"),
    ],
)
def test_a_region_of_label_studio_that_is_not_understood_is_named(tmp_path, change, words):
    layouts.image(tmp_path / "0.jpg")
    content = [task(0, {"result": [region("a", **change)]})]
    (tmp_path / "export.json").write_text(json.dumps(content))
    with pytest.raises(DataError, match=rf"export\.json: .*{words}"):
        drawn_ids(tmp_path)


def test_a_polygon_of_two_points_is_counted_among_the_shapes_without_area(tmp_path):
    area = {"label": "road", "points": layouts.corners((4, 8))}
    line = {"label": "road", "points": [[1, 1], [9, 1]], "shape_type": "polygon"}
    for stem in "ab":
        layouts.image(tmp_path / f"{stem}.jpg")
        labelme(tmp_path / f"{stem}.json", [area, line], f"{stem}.jpg")
    notes = " ".join(source_of(segment(tmp_path)).notes)
    assert "shapes that cover no area are left out: 2 polygon of road" in notes


@pytest.mark.parametrize("write", [layouts.coco, layouts.cvat, layouts.yolo])
def test_images_without_annotations_are_counted(tmp_path, write):
    write(tmp_path)
    assert not any("as background" in note for note in source_of(segment(tmp_path)).notes)
    if write is layouts.yolo:
        (tmp_path / "labels/train/a.txt").unlink()
    elif write is layouts.cvat:
        path = tmp_path / "annotations.xml"
        path.write_text(re.sub(r'(<image name="a.jpg"[^>]*>).*?</image>', r"\1</image>",
                               path.read_text(), count=1))  # fmt: skip
    else:
        path = tmp_path / "annotations/instances_train2017.json"
        content = json.loads(path.read_text())
        content["annotations"] = [e for e in content["annotations"] if e["image_id"]]
        path.write_text(json.dumps(content))
    notes = source_of(segment(tmp_path)).notes
    assert any(re.search(r"1 of [24] images have no \w+ and count as background", n) for n in notes)


def label_studio(root, *annotations, **values):
    """Write an export of an image for each task, all of the same annotations."""
    for number in range(4):
        layouts.image(root / f"{number}.jpg")
    tasks = [task(number, *annotations, **values) for number in range(4)]
    (root / "export.json").write_text(json.dumps(tasks))


def test_a_region_of_several_labels_and_one_of_none_are_counted(tmp_path):
    both = region("road", rectanglelabels=["road", "car"])
    none = region("road", rectanglelabels=[])
    label_studio(tmp_path, {"result": [both, none]})
    notes = source_of(segment(tmp_path), is_kept=False).notes
    assert any("4 regions have several labels, of which the first counts" in n for n in notes)
    assert any("4 regions have no label and are left out" in note for note in notes)


@pytest.mark.parametrize(
    ("annotations", "values", "words"),
    [
        (
            [],
            {"predictions": [{"result": [region("road")]}]},
            "but predictions, which are not read",
        ),
        ([{"result": []}], {}, "no annotation has a labelled region .polygon, brush"),
        ([{"result": [region("road")], "was_cancelled": True}], {}, "no task has an annotation$"),
    ],
)
def test_an_export_with_nothing_to_learn_says_why(tmp_path, annotations, values, words):
    label_studio(tmp_path, *annotations, **values)
    with pytest.raises(DataError, match=words):
        check_data(segment(tmp_path))


def test_the_short_export_of_label_studio_is_named(tmp_path):
    layouts.image(tmp_path / "a.jpg")
    value = {**region("road")["value"], "original_width": 12, "original_height": 8}
    (tmp_path / "a.json").write_text(json.dumps([{"image": "a.jpg", "label": [value]}]))
    with pytest.raises(DataError, match="JSON-MIN, which is not read; export JSON"):
        source_of(segment(tmp_path))
