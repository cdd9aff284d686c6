"""Runs a model over images by the skill's inference action."""

import json
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from automl.errors import Fault, RunFailed, UsageError
from automl.files import check_new_folder, write_atomic
from automl.promotion.images import gathered
from automl.skill.base import Result
from automl.skill.failures import failure_kind, faults_of_the_user
from automl.skill.inputs import keys_taking
from automl.skill.installed import load_skill


def predict(
    skill: str,
    model: Path,
    images: Sequence[str | Path],
    out: Path,
    overrides: Mapping[str, Any],
    *,
    with_probabilities: bool = False,
) -> Result:
    """Write a model's predictions for images into a new folder.

    Images are files, folders of them, patterns such as photos/*.jpg, and URLs. Raises `UsageError`
    for one that cannot be had, `RunFailed` for any other failure.
    """
    loaded = load_skill(skill)
    info = loaded.info
    if info.images_key is None or "inference" not in info.spec_params:
        raise UsageError(f"{info.name}: its skill_info.yaml names no images_key of inference")
    if with_probabilities and info.probabilities_key is None:
        text = f"--probabilities: {info.name} writes none of its predictions"
        raise UsageError(Fault(text, key="--probabilities"))
    if not model.is_file():
        raise UsageError(Fault(f"{model}: no such model", key="model", value=str(model)))
    check_new_folder(out, "--out", beginnings=loaded.beginnings("inference"))
    (key, *_) = keys_taking(info, "inference", model)
    with tempfile.TemporaryDirectory() as folder:
        links = gathered([str(image) for image in images], Path(folder))
        # A link's path begins with the folder's, so the folder comes last.
        names = {**links, folder: ", ".join(map(str, images))}
        values = {**overrides, key: str(model.resolve()), info.images_key: folder}
        if info.probabilities_key and with_probabilities:
            values[info.probabilities_key] = True
        try:
            with faults_of_the_user():
                result = loaded.run("inference", loaded.resolve("inference", values), out)
        except UsageError as error:
            faults = (_of_user(fault, names, {key: "model"}) for fault in error.faults)
            raise UsageError(*faults, kind=error.error_kind) from error
        except Exception as error:  # A skill may raise anything; one without a kind is a bug.
            if failure_kind(error) is None:
                raise
            raise RunFailed(_with_names(str(error), names)) from error
        finally:
            # Also where some images could not be read: the others are done.
            for path in out.glob("*.json"):
                _restore_names(path, links)
    return result


def _of_user(fault: Fault, names: Mapping[str, str], keys: Mapping[str, str]) -> Fault:
    """Return a fault in the words of the command: its paths, and its arguments for the keys."""
    text = _with_names(fault, names)
    image = next((name for name in names.values() if text.startswith(f"{name}: ")), None)
    if image is not None:
        return fault.with_text(text, key="images", value=image)
    return fault.with_text(text, key=keys.get(fault.key or "", fault.key))


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
