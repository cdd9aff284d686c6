import json
import math
import os
from pathlib import Path

import pytest

from automl.errors import UsageError
from automl.files import (
    check_new_folder,
    json_text,
    make_private,
    make_private_folder,
    open_regular,
    read_text,
    read_yaml,
    replace_folder,
    write_atomic,
    write_json,
)


def test_json_is_strict():
    text = json_text({"a": math.nan, "b": [math.inf, 1.5]})
    assert json.loads(text) == {"a": None, "b": [None, 1.5]}


def test_a_file_is_replaced_whole(tmp_path):
    path = tmp_path / "deep" / "file.txt"
    write_atomic(path, "one")
    write_atomic(path, "two")
    assert path.read_text() == "two"
    assert [p.name for p in path.parent.iterdir()] == ["file.txt"]


def test_a_write_that_fails_leaves_the_old_file_and_no_temporary_one(tmp_path):
    path = tmp_path / "file.txt"
    write_atomic(path, "old")
    with pytest.raises(TypeError):
        write_atomic(path, None)
    assert path.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["file.txt"]


def test_a_target_that_cannot_be_replaced_leaves_no_temporary_file(tmp_path):
    (tmp_path / "folder").mkdir()
    with pytest.raises(OSError, match="folder") as caught:
        write_atomic(tmp_path / "folder", "text")
    assert caught.value.filename == str(tmp_path / "folder")
    assert [p.name for p in tmp_path.iterdir()] == ["folder"]


@pytest.mark.parametrize(
    ("content", "match"),
    [
        (b"a: [1", "is not YAML"),
        (b"\xff\xfe\xfa", "not UTF-8"),
        (None, "cannot be read"),
        (b"a: 1\nb: {c: 2,\n c: 2}", "'c' is there twice, on lines 2 and 3"),
    ],
)
def test_a_file_that_is_not_yaml_is_refused_with_its_name(tmp_path, content, match):
    path = Path(tmp_path / "file.yaml")
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UsageError, match=f"file.yaml: .*{match}"):
        read_yaml(path)


def test_a_folder_is_replaced_whole_and_a_kill_in_between_loses_neither(tmp_path):
    new, target, aside = tmp_path / "new", tmp_path / "there", tmp_path / ".there.old"
    for folder, text in ((new, "new"), (aside, "old")):  # Killed between the two moves.
        folder.mkdir()
        (folder / "file").write_text(text)
    replace_folder(new, target)
    assert (target / "file").read_text() == "new"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["there"]
    new.mkdir()
    replace_folder(new, target)
    assert list(target.iterdir()) == []


@pytest.mark.parametrize(
    ("place", "match"),
    [("s3://b/x", "^--out: s3://b/x is an address"), ("GS://b", "GS://b is an address")],
)
def test_an_address_is_no_place_for_results(place, match):
    with pytest.raises(UsageError, match=match) as caught:
        check_new_folder(Path(place), "--out")
    assert caught.value.faults[0].key == "--out"


def test_a_private_file_or_folder_is_its_owners_alone(tmp_path):
    (tmp_path / "open").mkdir(mode=0o755)
    (tmp_path / "open" / "token").write_text("secret")
    make_private(tmp_path / "open" / "token")
    make_private_folder(tmp_path / "open")
    make_private_folder(tmp_path / "new")
    modes = [(tmp_path / name).stat().st_mode & 0o777 for name in ("open", "new", "open/token")]
    assert modes == [0o700, 0o700, 0o600]
    make_private(tmp_path / "nothing")


def test_names_that_are_no_utf8_can_be_written(tmp_path):
    write_json(tmp_path / "a.json", {"name": "no\udcff.png"})
    assert json.loads((tmp_path / "a.json").read_text()) == {"name": "no\udcff.png"}
    write_atomic(tmp_path / "a.csv", "no\udcff.png")
    assert (tmp_path / "a.csv").read_text() == "no\\udcff.png"


def test_a_merged_key_may_be_overridden(tmp_path):
    path = tmp_path / "file.yaml"
    path.write_text("a: &a {x: 1, y: 2}\nb: &b {<<: *a, x: 3}\nc: {<<: [*a, *b], y: 4}\n")
    assert read_yaml(path)["c"] == {"x": 1, "y": 4}


def test_a_pipe_or_a_device_is_not_opened_as_a_file_of_ours(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "device").symlink_to("/dev/zero")
    for path in (tmp_path / "pipe", tmp_path / "device", tmp_path):
        with pytest.raises(OSError, match="not a regular file"):
            open_regular(path)
    with pytest.raises(UsageError, match=r"pipe: cannot be read \(not a regular file\)"):
        read_text(tmp_path / "pipe", is_ours=True)
