import json
import re

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from segformer.data.dataset_schema import dataset_schema
from segformer.data.description import described, description_notes
from segformer.data.images import MaskFile
from segformer.data.labels import labels_of
from segformer.errors import DataError, SpecError
from segformer.spec.sections.dataset import DatasetSegment


def write(folder, values, ignore=None, colour=(1, 2, 3)):
    classes = [{"value": v, "name": f"c{v}", "color": colour} for v in values]
    content = {"name": "x", "classes": classes, "ignore": ignore}
    (folder / "dataset.json").write_text(json.dumps(content))


def short(found):
    plain = {key.rpartition(".")[2]: value for key, value in found.items()}
    plain["palette"] = [(e["rgb"], e["label_id"], e["seg_class"]) for e in plain["palette"]]
    return plain


def test_class_ids_and_the_ignored_value(tmp_path):
    write(tmp_path, [2, 0, 1], ignore=11)
    assert short(described(tmp_path, given={})) == {
        "num_classes": 3,
        "label_transform": "None",
        "palette": [([2], 0, "c2"), ([0], 1, "c0"), ([1], 2, "c1")],
        "ignore_index": 11,
    }


def test_0_and_255_are_normed(tmp_path):
    write(tmp_path, [0, 255])
    found = short(described(tmp_path, given={}))
    assert found["label_transform"] == "norm"
    assert found["palette"] == [([0] * 3, 0, "c0"), ([1] * 3, 1, "c255")]


@pytest.mark.parametrize(("transform", "value"), [(None, 255), ("None", 255), ("norm", 1)])
def test_a_palette_fits_the_label_transform_that_is_given(tmp_path, transform, value):
    write(tmp_path, [0, 255])
    found = short(described(tmp_path, given={"dataset.segment.label_transform": transform}))
    assert "label_transform" not in found
    times = 3 if transform == "norm" else 1
    assert found["palette"] == [([0] * times, 0, "c0"), ([value] * times, 1, "c255")]


def test_what_is_given_is_not_answered(tmp_path):
    write(tmp_path, [0, 1, 2], ignore=9)
    known = {f"dataset.segment.{key}": 1 for key in ("num_classes", "palette", "ignore_index")}
    assert described(tmp_path, given=known) == {"dataset.segment.label_transform": "None"}


def test_a_folder_named_test_is_the_test_split(tmp_path):
    for kind in ("images", "masks"):
        assert described(tmp_path, given={}) == {}
        (tmp_path / kind / "test").mkdir(parents=True)
    assert described(tmp_path, given={}) == {"dataset.segment.test_split": "test"}
    assert described(tmp_path, given={"dataset.segment.test_split": "val"}) == {}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('{"ignore": 255,}', "; a comma before } is one too many"),
        ('{"classes": [{"value": 0, "name": "a"},\n]}', "; a comma before ] is one too many"),
        ("{'ignore': 255}", "; texts stand in double quotes"),
        ('{"ignore": 255 // void\n}', "; JSON has no comments"),
    ],
)
def test_what_people_get_wrong_in_json_is_named(tmp_path, text, words):
    (tmp_path / "dataset.json").write_text(text)
    with pytest.raises(DataError, match=f"{re.escape(words)}$"):
        described(tmp_path, given={})


def test_no_file_says_nothing(tmp_path):
    assert described(tmp_path, given={}) == {}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "cannot be read (Expecting property name"),
        ("[]", "is not an object like {"),
        ('{"classes": {}}', "classes is {}, not a list like ["),
        ('{"classes": false}', "classes is False, not a list like ["),
        ('{"classes": ""}', "classes is '', not a list like ["),
        ('{"classes": [{"name": "a", "value": 1}]}', "classes has 'a' alone, so that nothing"),
        ('{"classes": 3}', "classes is 3, not a list like ["),
        ('{"classes": {"road": 0}}', "classes is {'road': 0}, not a list like ["),
        ('{"classes": ["road"]}', "classes[0] is 'road', not an object like {\"value\": 0"),
        ('{"classes": [{"name": "a"}]}', 'classes[0] has no "value"'),
        ('{"classes": [{"value": 0}]}', 'classes[0] has no "name"'),
        ('{"classes": [{"name": "a", "value": "0"}]}', "classes[0].value is '0', not a whole"),
        ('{"ignore": "x"}', "ignore is 'x', not a whole number from 0 to 255"),
        ('{"ignore": -1}', "ignore is -1, not a whole number from 0 to 255"),
        ('{"ignore": [0, 255]}', "ignore is [0, 255], not a whole number from 0 to 255"),
        ('{"ignore": 0, "ignore": 255}', "cannot be read (the key 'ignore' is there twice)"),
        (
            '{"classes": [{"name": "a", "value": 1}, {"name": "b", "value": 1}]}',
            "two classes have the value 1",
        ),
        (
            '{"classes": [{"name": "a", "value": 1}, {"name": "a", "value": 2}]}',
            "two classes have the name 'a'",
        ),
        (
            '{"classes": [{"name": "a", "value": 1, "color": [1, 2]}]}',
            "classes[0].color is [1, 2], not [red, green, blue]",
        ),
        (
            '{"classes": [{"name": "a", "value": 1, "color": [1, 2, 256]}]}',
            "classes[0].color is 256, not a whole number",
        ),
    ],
)
def test_a_file_that_is_not_understood_is_one_clear_line(tmp_path, text, words):
    (tmp_path / "dataset.json").write_text(text)
    with pytest.raises(DataError, match=re.escape(f"dataset.json: {words}")) as caught:
        described(tmp_path, given={})
    assert len(str(caught.value).splitlines()) == 1


def test_colours_of_their_own_are_read_beside_the_values(tmp_path):
    classes = [{"value": 4 + i, "name": f"c{i}", "color": [i, 9, 9]} for i in range(2)]
    (tmp_path / "dataset.json").write_text(json.dumps({"classes": classes}))
    assert short(described(tmp_path, given={}))["palette"] == [
        ([0, 9, 9], 0, "c0"), ([1, 9, 9], 1, "c1"), ([4], 0, "c0"), ([5], 1, "c1"),
    ]  # fmt: skip


def test_a_folder_of_that_name_is_a_fault(tmp_path):
    (tmp_path / "dataset.json").mkdir()
    with pytest.raises(DataError, match="dataset.json: is not a file"):
        described(tmp_path, given={})


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ({"ignore_index": 255}, "unknown key 'ignore_index'; did you mean ignore?"),
        ({"Classes": []}, "unknown key 'Classes'; did you mean classes?"),
        ({"zzz": 1}, "unknown key 'zzz'; there are classes, ignore, bits, has_up"),
        ({"classes": [{"value": 0, "name": "a", "colour": [1, 2, 3]}]}, "did you mean color?"),
        ({"has_up": "yes"}, "has_up is 'yes', not true or false"),
        ({"bits": 20}, "bits is 20, not a whole number from 8 to 16"),
    ],
)
def test_a_key_that_nobody_reads_is_refused(tmp_path, content, words):
    (tmp_path / "dataset.json").write_text(json.dumps(content))
    with pytest.raises(DataError, match=r"dataset.json: ") as caught:
        described(tmp_path, given={})
    assert words in str(caught.value)


def test_a_mark_of_the_byte_order_is_no_fault(tmp_path):
    (tmp_path / "dataset.json").write_text('{"bits": 12, "note": "by hand"}', "utf-8-sig")
    assert described(tmp_path, given={}) == {"dataset.segment.image_bits": 12}


@pytest.mark.parametrize("has_up", [True, False])
def test_whether_the_images_have_an_up_is_read(tmp_path, has_up):
    (tmp_path / "dataset.json").write_text(json.dumps({"has_up": has_up}))
    assert described(tmp_path, given={}) == {"dataset.segment.has_up": has_up}


def test_a_number_of_classes_that_contradicts_the_file_is_refused(tmp_path):
    write(tmp_path, [0, 1, 2])
    with pytest.raises(SpecError, match=r"num_classes: 8 is not allowed: .*json has 3 classes"):
        described(tmp_path, given={"dataset.segment.num_classes": 8})
    described(tmp_path, given={"dataset.segment.num_classes": 3})
    own = {"dataset.segment.num_classes": 8, "dataset.segment.palette": []}
    assert "dataset.segment.num_classes" not in described(tmp_path, given=own)


def test_a_value_that_is_a_class_and_ignored_is_refused(tmp_path):
    write(tmp_path, [0, 1, 2], ignore=1)
    with pytest.raises(DataError, match="ignore is 1, the value of class 'c1' too"):
        described(tmp_path, given={})


COLOURS = st.tuples(*[st.integers(0, 255)] * 3)
STORED = ("values", "values in RGB", "colours", "table of the classes", "table of other colours")


NOT_SAID = "not said"


@st.composite
def descriptions(draw):
    """Return values, colours (some None), the ignored value, and how the mask is stored."""
    values = draw(st.lists(st.integers(0, 255), min_size=2, max_size=9, unique=True))
    count = len(values)
    unique = st.lists(COLOURS, min_size=count, max_size=count, unique=True)
    some = st.lists(st.none() | COLOURS, min_size=count, max_size=count)
    colours = draw(st.just([None] * count) | unique | some)
    of_values = ("values", "values in RGB", "table of other colours")
    stored = draw(st.sampled_from(STORED if None not in colours else of_values))
    ignored = draw(st.just(NOT_SAID) | st.none() | st.integers(0, 255))
    return values, colours, ignored, stored


def stored_mask(values, colours, stored):
    """Return a mask of one row with a pixel of each class."""
    if stored == "values":
        return MaskFile(np.array([values], dtype=np.int32))
    if stored == "values in RGB":
        return MaskFile(np.array([values], dtype=np.int32)[..., None].repeat(3, axis=-1))
    if stored == "colours":
        return MaskFile(np.array([colours], dtype=np.int32))
    table = np.arange(256)[:, None] * (3, 5, 7) % 256
    if stored == "table of the classes":
        table[values] = colours
    elif set(map(tuple, table[values].tolist())) & {*filter(None, colours)}:
        table = 255 - table
    return MaskFile(np.array([values], dtype=np.int32), table=table.astype(np.int32))


def read(value, segment):
    """Return the class id of a pixel of a grey mask; None if the mask is refused."""
    try:
        return labels_of(MaskFile(np.array([[value]], np.int32)), segment, where="m").ids.item()
    except DataError:
        return None


@given(drawn=descriptions(), other=st.integers(0, 65535))
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_id_of_a_pixel_is_the_position_of_its_value_or_the_file_is_refused(
    tmp_path, drawn, other
):
    values, colours, ignored, stored = drawn
    classes = [
        {"value": v, "name": f"c{v}", "color": c} for v, c in zip(values, colours, strict=True)
    ]
    content = {"classes": classes} | ({} if ignored == NOT_SAID else {"ignore": ignored})
    (tmp_path / "dataset.json").write_text(json.dumps(content))
    if ignored in values:
        with pytest.raises(DataError, match=f"ignore is {ignored}, the value of class"):
            described(tmp_path, given={})
        return
    keys = described(tmp_path, given={})
    plain = {key.rpartition(".")[2]: value for key, value in keys.items()}
    segment = DatasetSegment(root_dir="x", **plain)
    if segment.label_transform == "None":
        does_not_count = 255 if ignored == NOT_SAID else ignored
        for value in {*values, other, 255}:
            strange = 255 if value == does_not_count else None
            wanted = values.index(value) if value in values else strange
            assert read(value, segment) == wanted
    try:
        ids = labels_of(stored_mask(values, colours, stored), segment, where="mask").ids[0].tolist()
    except DataError:
        assert stored != "values"
        return
    assert ids == [*range(len(values))]


def test_colours_that_two_classes_share_are_named_as_not_used(tmp_path):
    write(tmp_path, [4, 7])
    (note,) = description_notes(tmp_path)
    assert "classes 'c4' and 'c7' have one color, [1, 2, 3], so that masks are read by" in note
    write(tmp_path, [4, 7], colour=None)
    assert not [*description_notes(tmp_path)]


VALID = [
    {},
    {"classes": [{"value": 0, "name": "a"}, {"value": 9, "name": "b", "color": [1, 2, 3]}]},
    {"classes": None, "ignore": None, "bits": 12, "has_up": True, "license": "CC0"},
    {"bands": [0, 7, 3]},
    {"splits": {"train": {"images": "a", "masks": "b"}}},
    {"groups": {"one": ["a_*"]}, "source": "here", "counts": {"train": 3}},
]
INVALID = [
    {"classes": ["a"]},
    {"classes": [{"value": 256, "name": "a"}]},
    {"classes": [{"value": 1}]},
    {"classes": [{"value": 1, "name": None}]}, {"classes": [{"value": 1, "name": " "}]},
    {"classes": [{"value": 1, "name": "a", "color": [1, 2]}]},
    {"ignore": "x"}, {"bits": 7}, {"has_up": 1}, {"groups": ["a"]}, {"groups": {"a": []}},
    {"splits": {"val": {"images": "a", "masks": "b"}}}, {"splits": {"train": {"images": "a"}}},
    {"splits": {"train": {"images": "a", "masks": 1}}}, {"splits": ["a"]},
    {"bands": []}, {"bands": [0, 0]}, {"bands": [-1]}, {"bands": ["red"]}, {"bands": 4},
    {"license": 3}, {"source": ["x"]}, {"classs": []}, [],
]  # fmt: skip


@pytest.mark.parametrize("content", VALID + INVALID, ids=json.dumps)
def test_the_schema_says_what_is_read(tmp_path, content):
    (tmp_path / "dataset.json").write_text(json.dumps(content))
    is_valid = Draft202012Validator(dataset_schema()).is_valid(content)
    assert is_valid == (content in VALID)
    if is_valid:
        described(tmp_path, given={})
    else:
        with pytest.raises(DataError, match=r"dataset\.json"):
            described(tmp_path, given={})
