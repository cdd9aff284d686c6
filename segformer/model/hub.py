"""Weights from Hugging Face's hub, through its cache on this machine."""

from pathlib import Path

import huggingface_hub
from huggingface_hub import constants
from huggingface_hub.errors import LocalEntryNotFoundError

from segformer.errors import CheckpointError

PATTERNS = ("model*.safetensors", "pytorch_model*.bin")
"""Files of weights in a folder of transformers, one or several; the first pattern has priority."""


def is_cached(name: str) -> bool:
    """Whether the cache of this machine holds weights of ``owner/name``."""
    folder = Path(constants.HF_HUB_CACHE) / f"models--{name.replace('/', '--')}"
    return any(any(folder.glob(f"snapshots/*/{pattern}")) for pattern in PATTERNS)


def folder_from_hub(name: str) -> Path:
    """Return the folder with the weights of ``owner/name``, downloaded unless it is in the cache.

    Raises `CheckpointError` if it cannot be downloaded or has no weights.
    """
    for is_local in (True, False):
        for pattern in PATTERNS:
            folder = _snapshot(name, pattern, is_local=is_local)
            if folder and any(folder.glob(pattern)):
                return folder
    raise CheckpointError(f"{name}: holds none of {', '.join(PATTERNS)} on Hugging Face's hub")


def _snapshot(name: str, pattern: str, *, is_local: bool) -> Path | None:
    try:
        return Path(
            huggingface_hub.snapshot_download(
                name, allow_patterns=pattern, local_files_only=is_local
            )
        )
    except Exception as error:  # The hub's errors and those of its transport have no common class.
        if is_local and isinstance(error, LocalEntryNotFoundError):
            return None
        first = (str(error).splitlines() or [type(error).__name__])[0]
        raise CheckpointError(
            f"{name}: there is no such file or folder, and as a name on Hugging Face's hub it is"
            f" not in the cache and cannot be fetched ({first}); give"
            " model.backbone.pretrained_backbone_path=FILE, or for a gated model set HF_TOKEN"
        ) from None
