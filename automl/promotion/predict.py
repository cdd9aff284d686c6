"""Runs a model over images by the skill's inference action."""

import logging
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from automl.errors import RunFailed, UsageError
from automl.skill.base import Result
from automl.skill.failures import failure_kind, faults_of_the_user
from automl.skill.inputs import keys_taking
from automl.skill.installed import load_skill

_log = logging.getLogger(__name__)


def predict(
    skill: str, model: Path, images: Sequence[Path], out: Path, overrides: Mapping[str, Any]
) -> Result:
    """Write a model's predictions for images, files or folders of them, into a new folder.

    Raises `UsageError` for a missing file or two of one name, `RunFailed` for any other failure.
    """
    loaded = load_skill(skill)
    info = loaded.info
    if info.images_key is None or "inference" not in info.spec_params:
        raise UsageError(f"{info.name}: its skill_info.yaml names no images_key of inference")
    if not model.is_file():
        raise UsageError(f"{model}: no such model")
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise UsageError(f"--out: {out} is not empty; give a new folder")
    (key, *_) = keys_taking(info, "inference", model)
    with tempfile.TemporaryDirectory() as links, faults_of_the_user():
        _link(_files(images), Path(links))
        given = {**overrides, key: str(model.resolve()), info.images_key: links}
        spec = loaded.resolve("inference", given)
        try:
            return loaded.run("inference", spec, out)
        except Exception as error:
            if failure_kind(error) is None:
                raise
            if failure_kind(error) in ("usage", "bad_data"):
                raise
            raise RunFailed(str(error)) from error


def _files(images: Sequence[Path]) -> list[Path]:
    missing = [f"{path}: no such image or folder" for path in images if not path.exists()]
    if missing:
        raise UsageError(*missing)
    files = []
    for path in images:
        if not path.is_dir():
            files.append(path)
            continue
        for inner in sorted(path.iterdir()):
            if inner.is_dir():
                _log.warning("%s is a folder within a folder and is skipped", inner)
            else:
                files.append(inner)
    return files


def _link(files: Sequence[Path], folder: Path) -> None:
    """Link files into a folder; two of one name would overwrite each other's result."""
    seen: dict[str, Path] = {}
    for file in files:
        if file.stem in seen:
            raise UsageError(
                f"{file} and {seen[file.stem]}: their results would have the same name; "
                "run them separately"
            )
        seen[file.stem] = file
        (folder / file.name).symlink_to(file.resolve())
