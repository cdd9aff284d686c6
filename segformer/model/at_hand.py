"""Weights on this machine: in a folder of the user's, the hub's cache, and installed packages."""

import os
from pathlib import Path

from segformer.errors import CheckpointError, SpecError
from segformer.model.hub import folder_from_hub, is_cached
from segformer.model.packages import SUFFIXES, file_of_package
from segformer.model.public_weights import PublicWeights
from segformer.spec.backbones import is_hub_name

FOLDER = "AUTOML_WEIGHTS"
"""Names in the environment a folder of weights: files ENCODER.safetensors, or folders ENCODER."""


def in_folder(encoder: str) -> Path | None:
    """Return the weights of an encoder in the folder that AUTOML_WEIGHTS names, or None.

    Raises `SpecError` if it names no folder.
    """
    name = os.environ.get(FOLDER)
    if not name:
        return None
    folder = Path(name).expanduser().absolute()
    if not folder.is_dir():
        raise SpecError(f"{FOLDER}: there is no folder {folder}; unset it, or name a folder")
    places = [folder / encoder, *(folder / f"{encoder}{suffix}" for suffix in SUFFIXES)]
    return next((place for place in places if place.exists()), None)


def is_at_hand(public: PublicWeights) -> bool:
    """Whether public weights need no download."""
    if public.source is None:
        return False
    if not public.is_package:
        return public.is_on_hub and is_cached(public.source)
    try:
        return file_of_package(public.source).is_file()
    except CheckpointError:
        return False


def fetched(source: str) -> str:
    """Return a source; the files of a name on the hub are then in its cache.

    Raises `CheckpointError` if they cannot be downloaded. An address is fetched with the data.
    """
    if is_hub_name(source):
        folder_from_hub(source)
    return source
