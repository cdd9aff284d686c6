"""Runs a model over images by the skill's inference action."""

import json
import logging
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from automl.errors import RunFailed, UsageError
from automl.files import check_new_folder, write_atomic
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
    check_new_folder(out, "--out")
    (key, *_) = keys_taking(info, "inference", model)
    with tempfile.TemporaryDirectory() as folder:
        links = _link(_files(images), Path(folder))
        # A link's path begins with the folder's, so the folder comes last.
        names = {**links, folder: ", ".join(map(str, images))}
        values = {**overrides, key: str(model.resolve()), info.images_key: folder}
        try:
            with faults_of_the_user():
                result = loaded.run("inference", loaded.resolve("inference", values), out)
        except UsageError as error:
            faults = (_with_names(fault, names) for fault in error.faults)
            raise UsageError(*faults, kind=error.error_kind) from error
        except Exception as error:  # A skill may raise anything; one without a kind is a bug.
            if failure_kind(error) is None:
                raise
            raise RunFailed(_with_names(str(error), names)) from error
    for path in out.glob("*.json"):
        _restore_names(path, links)
    return result


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


def _link(files: Sequence[Path], folder: Path) -> dict[str, str]:
    """Link files into a folder; return the path of each file by the path of its link.

    Raises `UsageError` for two of one name, which would overwrite each other's result.
    """
    links: dict[str, str] = {}
    seen: dict[str, Path] = {}
    for file in files:
        if file.stem in seen:
            raise UsageError(
                f"{file} and {seen[file.stem]}: their results would have the same name; "
                "run them separately"
            )
        seen[file.stem] = file
        link = folder / file.name
        link.symlink_to(file.resolve())
        links[str(link)] = str(file.absolute())
    return links


def _with_names(text: str, names: Mapping[str, str]) -> str:
    """Return a text with the paths that the user gave in place of temporary ones, in order."""
    for link, file in names.items():
        text = text.replace(link, file)
    return text


def _restore_names(path: Path, links: Mapping[str, str]) -> None:
    """Name the files instead of their links in a JSON file."""
    in_json = {json.dumps(link)[1:-1]: json.dumps(file)[1:-1] for link, file in links.items()}
    text = path.read_text(encoding="utf-8")
    if (named := _with_names(text, in_json)) != text:
        write_atomic(path, named)
