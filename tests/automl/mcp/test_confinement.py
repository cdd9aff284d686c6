"""Nothing outside one folder, and no secret passes."""

import pytest

from automl.errors import UsageError
from automl.mcp.confinement import check_confined, leads_outside


@pytest.mark.parametrize(
    "text",
    ["/etc", "../x", "a/../../x", "~/x", "file:///etc", "s3://b/k", "link", "link/x", "a\0b"],
)
def test_a_path_that_leads_outside_is_seen_through(tmp_path, text):
    (tmp_path / "root").mkdir()
    (tmp_path / "root" / "link").symlink_to(tmp_path)
    assert leads_outside(text, tmp_path / "root")


@pytest.mark.parametrize(
    "text", ["data", "runs/x", "a/../b", "nvidia/mit-b0", "log(1e-5,1e-3)", "val_miou:max", "2h"]
)
def test_a_path_inside_and_other_texts_pass(tmp_path, text):
    assert not leads_outside(text, tmp_path)


def test_the_name_of_an_experiment_that_is_a_link_to_outside_is_refused(tmp_path):
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / "theirs").symlink_to("/")
    assert leads_outside("theirs", tmp_path)


def test_every_text_of_nested_arguments_is_checked_and_named(tmp_path):
    given = {"data": "../x", "spec": {"a": {"b": ["ok", "/etc"]}}, "request": "read /etc please"}
    with pytest.raises(UsageError, match="outside the server's folder") as caught:
        check_confined(given, tmp_path)
    assert [(f.key, f.value) for f in caught.value.faults] == [
        ("data", "../x"), ("spec.a.b", "/etc"),
    ]  # fmt: skip


def test_a_secret_is_refused_and_not_repeated(tmp_path, monkeypatch):
    monkeypatch.setenv("MY_API_KEY", "hunter2hunter2")
    given = {"skill": "hunter2hunter2", "spec": {"train.encryption_key": "whatever"}}
    with pytest.raises(UsageError, match="holds a secret") as caught:
        check_confined(given, tmp_path)
    assert [f.key for f in caught.value.faults] == ["skill", "spec.train.encryption_key"]
    assert "hunter2" not in str(caught.value) and "whatever" not in str(caught.value)
