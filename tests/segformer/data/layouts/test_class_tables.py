import json

import layouts
import numpy as np
import pytest
from pictures import save

from segformer.data.layouts.class_tables import class_tables
from segformer.data.source import layout_settings
from segformer.errors import DataError


def found(root):
    return [(each.name, each.value, each.colour) for each in class_tables(root)[0].classes]


@pytest.mark.parametrize(
    ("name", "text", "first"),
    [
        ("class_dict.csv", "name,r,g,b\nroad,1,2,3\ncar,4,5,6\n", ("road", None, (1, 2, 3))),
        ("_classes.csv", "Pixel Value, Class\n0, road\n1, car\n", ("road", 0, None)),
        ("label_colors.txt", "1 2 3\troad\n4 5 6\tcar\n", ("road", None, (1, 2, 3))),
        ("labelmap.txt", "# label\nroad:1,2,3::\ncar:4,5,6::\n", ("road", None, (1, 2, 3))),
        ("codes.txt", "road\ncar\n", ("road", 0, None)),
        ("classes.txt", "7: road\n9: car\n", ("road", 7, None)),
        ("labels.txt", "__ignore__\n_background_\nroad\n", ("_background_", 0, None)),
        ("colors.txt", "road 1 2 3\ncar 4 5 6\n", ("road", None, (1, 2, 3))),
        ("classes.json", '["road", "car"]', ("road", 0, None)),
        ("id2label.json", '{"7": "road", "9": "car"}', ("road", 7, None)),
        ("label_map.json", '{"road": 7, "car": 9}', ("road", 7, None)),
        ("obj_class_to_machine_color.json", '{"road": [1, 1, 1], "car": [2, 2, 2]}',
         ("road", None, (1, 1, 1))),
        ("label_colors.json", '{"road": "#010203", "car": "040506ff"}', ("road", None, (1, 2, 3))),
        ("classes.json", json.dumps({"categories": [
            {"id": 7, "title": "road", "color": [1, 2, 3]}, {"id": 9, "title": "car", "rgb":
             "#040506"}]}), ("road", 7, (1, 2, 3))),
        ("data.yaml", "train: images/train\nnames: [road, car]\n", ("road", 0, None)),
        ("dataset.yml", "path: .\nnames:\n  7: road\n  9: car\n", ("road", 7, None)),
        ("classes.yaml", "road: [1, 2, 3]\ncar: [4, 5, 6]\n", ("road", None, (1, 2, 3))),
        ("dataset_meta.json", json.dumps({"label_map": {"0": "road", "1": "car"}}),
         ("road", 0, None)),
    ],
)  # fmt: skip
def test_the_tables_of_tools_are_read(tmp_path, name, text, first):
    (tmp_path / name).write_text(text)
    assert found(tmp_path)[0] == first


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("classes.json", '{"road": [1, 2], "car": [3, 4]}'),
        ("classes.json", '{"road": "red", "car": "green"}'),
        ("classes.json", '[{"id": 1}, {"id": 2}]'),
        ("classes.json", "7"),
        ("labels.json", '{"shuffle": true, "flip": false}'),
        ("names.json", '["road", "car"]'),
        ("colors.txt", "road 1 2 3\nand some words\n"),
    ],
)
def test_what_is_no_table_is_passed_over(tmp_path, name, text):
    (tmp_path / name).write_text(text)
    assert class_tables(tmp_path) == []


def test_a_table_may_lie_beside_the_masks(tmp_path):
    layouts.unsplit(tmp_path)
    (tmp_path / "masks/classes.json").write_text('["sky", "road", "car"]')
    keys, notes = layout_settings(tmp_path, action="train", given={})
    assert [e["seg_class"] for e in keys["dataset.segment.palette"]] == ["sky", "road", "car"]
    assert notes[0].startswith(f"{tmp_path}/masks/classes.json: has the names")


@pytest.mark.parametrize(
    "table", ['{"road": [1, 1, 1], "car": [2, 2, 2]}', '{"road": 1, "car": 2}']
)
def test_what_a_table_lacks_at_0_is_the_background(tmp_path, table):
    layouts.unsplit(tmp_path)
    (tmp_path / "classes.json").write_text(table)
    keys, _ = layout_settings(tmp_path, action="train", given={})
    by_id = {e["label_id"]: e["seg_class"] for e in keys["dataset.segment.palette"]}
    assert by_id == {0: "background", 1: "road", 2: "car"}


def test_void_does_not_count(tmp_path):
    (tmp_path / "class_dict.csv").write_text("name,r,g,b\nVoid,0,0,0\nroad,1,2,3\ncar,4,5,6\n")
    (table,) = class_tables(tmp_path)
    assert [each.name for each in table.ignored] == ["Void"]
    assert len(table.classes) == 2


def test_a_table_that_masks_contradict_is_passed_over_with_a_note(tmp_path):
    layouts.unsplit(tmp_path)
    (tmp_path / "classes.txt").write_text("sky\nroad\n")
    keys, notes = layout_settings(tmp_path, action="train", given={})
    assert "classes.txt: is passed over, since masks hold 2 too" in notes[0]
    assert keys["dataset.segment.num_classes"] == 3


def test_colours_of_which_a_mask_has_greys_alone_are_counted_as_colours(tmp_path):
    colours = np.array([[0, 0, 0], [128, 0, 0], [0, 128, 0]], np.uint8)[layouts.ids()]
    layouts.pairs(tmp_path / "images", tmp_path / "masks", values=colours)
    save(tmp_path / "masks/a.png", colours * 0)
    keys, notes = layout_settings(tmp_path, action="train", given={})
    assert "the 3 colours in the masks are the classes color_0_0_0" in notes[0]
    assert keys["dataset.segment.num_classes"] == 3


def test_white_that_is_class_1_in_some_masks_is_refused(tmp_path):
    layouts.pairs(tmp_path / "images", tmp_path / "masks", values=layouts.ids(2))
    save(tmp_path / "masks/a.png", layouts.ids(2) * 255)
    with pytest.raises(DataError, match=r"0 and 1 \(as b.png\) and others 0 and 255 \(as a.png\)"):
        layout_settings(tmp_path, action="train", given={})


def test_a_value_below_0_is_told_to_be_saved_as_255(tmp_path):
    values = layouts.ids().astype(np.int32) - 1
    layouts.pairs(tmp_path / "images", tmp_path / "masks", values=values, mask_end=".tif")
    with pytest.raises(DataError, match=r"the value -1; .*save what does not count as 255"):
        layout_settings(tmp_path, action="train", given={})


def test_numbers_of_objects_are_no_classes(tmp_path):
    values = layouts.ids().astype(np.uint16) * 1000
    layouts.pairs(tmp_path / "images", tmp_path / "masks", values=values)
    with pytest.raises(
        DataError, match=r"masks hold the value 1000; .* if they are classes times 1000, divide"
    ):
        layout_settings(tmp_path, action="train", given={})
