import json
import re
from collections import Counter
from pathlib import Path

import layouts
import numpy as np
import pytest
from copies import cropped, recompressed, scene, turned
from pictures import segment

from segformer.data.divide import split_data
from segformer.data.source import source_of
from segformer.errors import DataError

STEMS = [f"video{i // 5}_{i:02}" for i in range(20)]


def write(root):
    layouts.pairs(root / "images", root / "masks", stems=STEMS)
    return root


def test_a_split_is_what_training_reads_afterwards(tmp_path):
    report = split_data(write(tmp_path), val=0.2, test=0.1, seed=5)
    assert dict(report.counts) == {"train": 14, "val": 4, "test": 2}
    source = source_of(segment(tmp_path))
    assert {name: len(pairs) for name, pairs in source.splits.items()} == report.counts
    assert json.loads((tmp_path / "split.json").read_text())["seed"] == 5


def test_videos_stay_together_by_prefix(tmp_path):
    split_data(write(tmp_path), val=0.25, by="prefix")
    names = json.loads((tmp_path / "split.json").read_text())["val"]
    assert len({name.rpartition("_")[0] for name in names}) == 1
    assert len(names) == 5


def test_folders_stay_together_by_group(tmp_path):
    rows = ["image,mask"]
    for i, stem in enumerate(STEMS):
        layouts.image(tmp_path / f"p{i % 4}/{stem}.jpg")
        layouts.save(tmp_path / f"masks/{stem}.png", layouts.ids())
        rows.append(f"p{i % 4}/{stem}.jpg,masks/{stem}.png")
    (tmp_path / "pairs.csv").write_text("\n".join(rows))
    split_data(tmp_path, val=0.25, by="group")
    names = json.loads((tmp_path / "split.json").read_text())["val"]
    assert len({name.partition("/")[0] for name in names}) == 1


def groups(root, groups):
    (write(root) / "dataset.json").write_text(json.dumps({"groups": groups}))
    return root


def test_groups_of_the_description_stay_together_also_if_nobody_asks(tmp_path):
    root = groups(tmp_path, {"first": ["video0_*", "images/video1_*"], "last": ["video3_*"]})
    held_out = {pair.stem[:6] for pair in source_of(segment(root)).splits["val"]}
    assert json.loads((root / "split.json").read_text())["by"] == "group"
    assert not {"video0", "video1", "video3"} & held_out
    split_data(root, val=0.25, by="group", seed=3)
    names = json.loads((root / "split.json").read_text())["val"]
    assert sum("video3" in name for name in names) in (0, 5)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"a": ["nothing*"]}, r"groups.a: 'nothing\*' fits no image"),
        ({"a": ["video0*"], "b": ["*_01.jpg"]}, "is in the groups 'a' and 'b'"),
    ],
)
def test_groups_that_fit_no_image_or_overlap_are_refused(tmp_path, wrong, words):
    with pytest.raises(DataError, match=words):
        split_data(groups(tmp_path, wrong), val=0.2, by="group")


def test_equal_images_stay_together(tmp_path):
    for stem in STEMS:
        layouts.image(tmp_path / f"images/{stem}.png", seed=STEMS.index(stem) // 2)
        layouts.save(tmp_path / f"masks/{stem}.png", layouts.ids())
    split_data(tmp_path, val=0.3)
    names = json.loads((tmp_path / "split.json").read_text())["val"]
    numbers = sorted(int(name[-6:-4]) // 2 for name in names)
    assert numbers[::2] == numbers[1::2]


def test_near_copies_stay_together(tmp_path):
    for number in range(6):
        for copy in (0, 3, 5):
            pixels = recompressed(cropped(turned(scene(number), copy)))
            layouts.save(tmp_path / f"images/{number}{copy}.png", pixels)
            layouts.save(tmp_path / f"masks/{number}{copy}.png", np.eye(115, dtype=np.uint8))
    split_data(tmp_path, val=0.3, is_strict=True)
    names = json.loads((tmp_path / "split.json").read_text())["val"]
    assert sorted(Counter(Path(name).name[0] for name in names).values()) == [3, 3]


def test_a_set_of_one_view_is_split_with_a_note_or_refused(tmp_path):
    for copy in range(6):
        layouts.save(tmp_path / f"images/{copy}.png", recompressed(turned(scene(0), copy)))
        layouts.save(tmp_path / f"masks/{copy}.png", np.eye(128, dtype=np.uint8))
    with pytest.raises(DataError, match="too many images are nearly the same"):
        split_data(tmp_path, val=0.3, is_strict=True)
    assert "nearly the same" in split_data(tmp_path, val=0.3).text()
    assert any("nearly the same" in note for note in source_of(segment(tmp_path)).notes)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"val": 0.0}, "leave nothing to train on"),
        ({"val": 0.6, "test": 0.4}, "leave nothing to train on"),
        ({"val": 0.2, "by": "colour"}, "must be one of group, prefix, file"),
        ({"val": 0.2, "by": "group"}, "20 images are 1 group, .*--by file"),
    ],
)
def test_what_cannot_be_split_is_refused(tmp_path, options, words):
    with pytest.raises(DataError, match=words):
        split_data(write(tmp_path), **options)


def test_a_folder_with_a_validation_split_keeps_it(tmp_path):
    layouts.kind_split(tmp_path)
    with pytest.raises(DataError, match="has a val split already"):
        split_data(tmp_path, val=0.2)


@pytest.mark.parametrize("text", ["{", '{"val": []}', '{"val": 3}', "[]"])
def test_a_split_file_that_is_not_understood_names_the_command(tmp_path, text):
    write(tmp_path)
    (tmp_path / "split.json").write_text(text)
    with pytest.raises(DataError, match=r"split.json: wants .* automl data split"):
        source_of(segment(tmp_path))


def test_a_split_file_of_images_that_are_gone_names_them(tmp_path):
    split_data(write(tmp_path), val=0.2)
    gone = tmp_path / json.loads((tmp_path / "split.json").read_text())["val"][0]
    for path in (gone, tmp_path / "masks" / f"{gone.stem}.png"):
        path.unlink()
    with pytest.raises(DataError, match=f"names 1 images that are not there.*: images/{gone.name}"):
        source_of(segment(tmp_path))


@pytest.mark.parametrize(
    "form", ["{stem}", "{stem}.jpg", "./images/{stem}.jpg", "images\\{stem}.jpg"]
)
def test_a_split_file_by_hand_may_name_stems_and_files(tmp_path, form):
    write(tmp_path)
    names = [form.format(stem=stem) for stem in STEMS[:2]]
    (tmp_path / "split.json").write_text(json.dumps({"val": names}))
    assert [pair.stem for pair in source_of(segment(tmp_path)).pairs("val")] == STEMS[:2]


def test_a_stem_that_two_images_have_is_named(tmp_path):
    for day in ("mon", "tue"):
        layouts.pairs(tmp_path / day / "images", tmp_path / day / "masks", stems="abc")
    (tmp_path / "split.json").write_text(json.dumps({"val": ["a", "tue/images/b.jpg"]}))
    with pytest.raises(
        DataError, match=r"or that several may be: a; give paths .*mon/images/a.jpg"
    ):
        source_of(segment(tmp_path))


def test_an_image_that_a_split_file_names_twice_is_named(tmp_path):
    write(tmp_path)
    name = f"images/{STEMS[0]}.jpg"
    (tmp_path / "split.json").write_text(json.dumps({"val": [name], "test": [name]}))
    with pytest.raises(DataError, match=f"names 1 images more than once: {name}"):
        source_of(segment(tmp_path))


def named(root, **numbers):
    """Write a split.json by hand, with images by number."""
    names = {split: [f"images/{STEMS[n]}.jpg" for n in of] for split, of in numbers.items()}
    (write(root) / "split.json").write_text(json.dumps(names))


def test_images_that_a_split_file_with_a_training_list_does_not_name_are_left_out(tmp_path):
    named(tmp_path, train=range(3), val=range(3, 5))
    source = source_of(segment(tmp_path))
    stems = {split: [pair.stem for pair in pairs] for split, pairs in source.splits.items()}
    assert stems == {"train": STEMS[:3], "val": STEMS[3:5]}
    assert "15 images are in none of its lists and are left out" in source.notes[-1]


def test_an_empty_training_list_leaves_nothing_to_train_on(tmp_path):
    named(tmp_path, train=(), val=range(3))
    with pytest.raises(DataError, match="the train split has no images"):
        source_of(segment(tmp_path)).pairs("train")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ({"valid": ["a"], "val": ["a"]}, "unknown key 'valid'; did you mean \"val\"?"),
        ({"val": ["a"], "sed": 1}, "unknown key 'sed'; did you mean \"seed\"?"),
        ({"val": ["a"], "xyz": 1}, "unknown key 'xyz'; there are train, val, test, seed"),
        ({"val": "a"}, "\"val\" is 'a', not a list of texts"),
        ({"val": [1]}, '"val" is [1], not a list of texts'),
    ],
)
def test_a_key_of_a_split_file_that_is_not_understood_is_named(tmp_path, content, words):
    (write(tmp_path) / "split.json").write_text(json.dumps(content))
    with pytest.raises(DataError, match=re.escape(words)):
        source_of(segment(tmp_path))
