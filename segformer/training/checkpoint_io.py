"""How Lightning writes and reads checkpoint files: encrypted if a key is set, and read once."""

from pathlib import Path
from typing import Any

import torch
from lightning_fabric.plugins.io.checkpoint_io import CheckpointIO

from segformer.model.saved import load_torch
from segformer.storage.encryption import writing


class CheckpointFiles(CheckpointIO):
    """One file for each checkpoint.

    A resume has to look into its checkpoint before there is a trainer, and Lightning then asks for
    the same file. `read_ahead` keeps the content for that one request, so that the file is read
    once and its tensors are freed as soon as Lightning has restored them.
    """

    def __init__(self) -> None:
        self._ahead: tuple[Path, dict[str, Any]] | None = None

    def read_ahead(self, path: Path) -> dict[str, Any]:
        """Return the content of a checkpoint and keep it; raises `CheckpointError`."""
        if self._ahead is None or self._ahead[0] != path:
            self._ahead = path, load_torch(path)
        return self._ahead[1]

    def save_checkpoint(
        self, checkpoint: dict[str, Any], path: str | Path, storage_options: Any | None = None
    ) -> None:
        """Write a checkpoint."""
        # torch.save writes the name of a file into it, but not that of an open file object; so
        # equal checkpoints have equal bytes wherever they are.
        with writing(Path(path)) as file:
            torch.save(checkpoint, file)

    def load_checkpoint(
        self,
        path: str | Path,
        map_location: Any | None = None,
        weights_only: bool | None = None,
    ) -> dict[str, Any]:
        """Return a checkpoint on the CPU without executing anything in it."""
        content = self.read_ahead(Path(path))
        self._ahead = None
        return content

    def remove_checkpoint(self, path: str | Path) -> None:
        """Remove a checkpoint."""
        Path(path).unlink(missing_ok=True)
