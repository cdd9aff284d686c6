"""A data set that is given by its paths, as an experiment file does, made into a folder."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from segformer.data.description import SPLITS, described
from segformer.errors import DataError
from segformer.storage.atomic import replacing
from segformer.storage.staging import FILE_NAME, cache_folder


def folder_of_paths(content: Mapping[str, Any]) -> Path:
    """Write dataset.json for the paths of ``train``, ``val`` and ``test``; return its folder.

    Each split has ``images`` and ``masks``; other keys are those of dataset.json. The folder is in
    the cache, the same for the same paths. Raises `DataError`.
    """
    splits = {name: content[name] for name in SPLITS if name in content}
    if "train" not in splits:
        raise DataError('data: wants "train": {"images": FOLDER, "masks": FOLDER}')
    rest = {str(name): value for name, value in content.items() if name not in SPLITS}
    absolute = {name: _absolute(folders) for name, folders in splits.items()}
    text = json.dumps({**rest, "splits": absolute}, ensure_ascii=False, sort_keys=True, indent=1)
    digest = hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()[:16]
    folder = cache_folder() / "data" / digest
    if not (folder / FILE_NAME).exists():
        with replacing(folder / FILE_NAME) as part:
            part.write_text(text + "\n", encoding="utf-8")
    try:
        described(folder, given={})
    except DataError as error:
        (folder / FILE_NAME).unlink()
        raise DataError(f.replace(str(folder / FILE_NAME), "data") for f in error.faults) from None
    return folder


def _absolute(folders: object) -> object:
    """Return folders with absolute paths; what is no such mapping is refused when it is read."""
    if not isinstance(folders, Mapping):
        return folders
    return {
        name: str(Path(path).expanduser().absolute()) if isinstance(path, str) else path
        for name, path in folders.items()
    }
