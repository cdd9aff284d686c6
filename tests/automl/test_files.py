import json
import math
from pathlib import Path

import pytest

from automl.errors import UsageError
from automl.files import json_text, read_yaml, write_atomic


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
    with pytest.raises(UnicodeEncodeError):
        write_atomic(path, "new \ud800")
    assert path.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["file.txt"]


def test_a_target_that_cannot_be_replaced_leaves_no_temporary_file(tmp_path):
    (tmp_path / "folder").mkdir()
    with pytest.raises(OSError, match="folder"):
        write_atomic(tmp_path / "folder", "text")
    assert [p.name for p in tmp_path.iterdir()] == ["folder"]


@pytest.mark.parametrize(
    ("content", "match"),
    [(b"a: [1", "is not YAML"), (b"\xff\xfe\xfa", "not UTF-8"), (None, "cannot be read")],
)
def test_a_file_that_is_not_yaml_is_refused_with_its_name(tmp_path, content, match):
    path = Path(tmp_path / "file.yaml")
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UsageError, match=f"file.yaml: .*{match}"):
        read_yaml(path)
