"""The record of a training: what it was trained with, and on which data.

A results folder tells the truth only if its checkpoints were made with one set of settings. So each
training leaves its settings in training.json and in its checkpoints, and one that would resume with
others is refused. Paths are not part of it, since a folder may move: data and weights are known by
their content.
"""

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from segformer.data.source import source_of
from segformer.errors import CheckpointError
from segformer.spec import Spec
from segformer.spec.overrides import flattened
from segformer.spec.sections.dataset import DatasetSegment
from segformer.storage.atomic import replacing

FILE = "training.json"
"""The file of the record in a results folder."""

_BATCH, _ACCUMULATION = "dataset.segment.batch_size", "train.accumulate_grad_batches"
_EPOCHS, _SHORTENED = "train.num_epochs", "train.shortened"
_SECTIONS = ("dataset", "model", "train")
_FREE = (
    # Where it runs.
    "dataset.segment.workers", "dataset.segment.cache", "dataset.segment.cache_gb",
    "train.num_gpus", "train.gpu_ids", "train.num_nodes", "train.accelerator",
    "train.distributed_strategy",
    # Where files are, which of them are written, and what is shown.
    "dataset.segment.root_dir", "train.results_dir", "train.resume_training_checkpoint_path",
    "train.force", "train.checkpoint_interval", "train.checkpoint_interval_unit",
    "train.checkpointer", "train.enable_lr_monitor", "train.tensorboard",
    # What other actions read.
    "dataset.segment.test_split", "dataset.segment.predict_split",
    "dataset.segment.quant_calibration_dataset",
)  # fmt: skip
"""Keys and sections in which a resumed training may differ."""
_WEIGHTS = ("model.backbone.pretrained_backbone_path", "train.pretrained_model_path")
_PAIRS_READ = 32
"""Pairs of a split whose contents are part of the fingerprint, evenly spread."""
_LONGEST = 60
"""Characters of a value in a message."""
_BEFORE = 20
"""Characters before the first difference of two long values."""


@dataclass(frozen=True)
class TrainingRecord:
    """The settings that make a training what it is."""

    settings: Mapping[str, Any]
    """By dotted key; of initial weights the hash of the file."""
    data: str
    """The number of pairs of each split, and a fingerprint of their files."""
    epochs: int
    is_finished: bool = False
    """Whether all epochs were trained."""

    @classmethod
    def of(cls, spec: Spec) -> "TrainingRecord":
        """The record of a training with these settings; raises `DataError`."""
        flat = dict(flattened(spec.model_dump(include=set(_SECTIONS), mode="json")))
        settings = {key: value for key, value in flat.items() if not _is_free(key)}
        epochs = settings.pop(_EPOCHS)
        settings |= {key: _content(settings[key]) for key in _WEIGHTS}
        return cls(settings, _fingerprint(spec.dataset.segment), epochs)

    @classmethod
    def read(cls, folder: Path) -> "TrainingRecord | None":
        """The record in a results folder, or None; raises `CheckpointError` for a damaged one."""
        path = folder / FILE
        if not path.is_file():
            return None
        try:
            return cls.from_dict(json.loads(path.read_text(encoding="utf-8")))
        except (ValueError, TypeError) as error:
            raise CheckpointError(
                f"{path}: is damaged ({error}); give another results folder, or set"
                " train.force=true to replace the training in this one"
            ) from None

    @classmethod
    def from_dict(cls, mapping: Mapping[str, Any]) -> "TrainingRecord":
        """Read the mapping of `to_dict`; raises `TypeError` for another."""
        return cls(**mapping)

    def to_dict(self) -> dict[str, Any]:
        """Plain nested values."""
        # Through JSON, so that equal records pickle to equal bytes, whichever objects they share.
        plain: dict[str, Any] = json.loads(json.dumps(asdict(self)))
        return plain

    def write(self, folder: Path) -> None:
        """Write the record into a results folder."""
        with replacing(folder / FILE) as part:
            part.write_text(json.dumps(self.to_dict(), indent=1) + "\n", encoding="utf-8")

    def differences(self, other: "TrainingRecord") -> list[str]:
        """What a resume with another record would change: `key: old -> new`, one line each."""
        return list(self._differences(other))

    def _differences(self, other: "TrainingRecord") -> Iterator[str]:
        if self.data != other.data:
            yield f"dataset.segment.root_dir: other data: {self.data} -> {other.data}"
        is_shortened = self._is_shortened_in(other)
        if other.epochs < self.epochs and not is_shortened:
            yield f"{_EPOCHS}: {self.epochs} -> {other.epochs}"
        free = {_SHORTENED} if is_shortened else set()
        if _is_split(self.settings, other.settings):
            free |= {_BATCH, _ACCUMULATION}
        for key in sorted(self.settings.keys() & other.settings.keys() - free):
            old, new = self.settings[key], other.settings[key]
            if old != new:
                yield f"{key}: {' -> '.join(_shown(old, new))}"

    def _is_shortened_in(self, other: "TrainingRecord") -> bool:
        """Whether another record says when this training was shortened, and to how many epochs."""
        old, new = (record.settings.get(_SHORTENED, []) for record in (self, other))
        cuts = new[len(old) :]
        return bool(cuts) and new[: len(old)] == old and cuts[0]["epochs"] == self.epochs


def _is_free(key: str) -> bool:
    return any(key == free or key.startswith(f"{free}.") for free in _FREE)


def _is_split(old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    """Whether the batch is the same in smaller pieces: halved, with twice the accumulation.

    That is how a search continues a trial that ran out of memory; of an odd batch it loses one.
    """
    halved = old[_BATCH] // 2, old[_ACCUMULATION] * 2
    is_equal = old[_BATCH] * old[_ACCUMULATION] == new[_BATCH] * new[_ACCUMULATION]
    return is_equal or (new[_BATCH], new[_ACCUMULATION]) == halved


def _content(path: str) -> str:
    """The hash of a file, or a name on the hub as it is."""
    file = Path(path)
    if not path or not file.is_file():
        return path
    with file.open("rb") as content:
        return f"sha256 {hashlib.file_digest(content, 'sha256').hexdigest()[:16]}"


def _fingerprint(segment: DatasetSegment) -> str:
    """Names and sizes of all files, contents of a few: a start must not read all of the data."""
    source, digest, counts = source_of(segment), hashlib.sha256(), []
    for split in (segment.train_split, segment.validation_split):
        pairs = source.pairs(split)
        counts.append(f"{len(pairs)} {split}")
        step = -(-len(pairs) // _PAIRS_READ)
        for index, pair in enumerate(pairs):
            for path in (pair.image, pair.mask):
                digest.update(f"{split}\t{path.name}\t{path.stat().st_size}\n".encode())
                digest.update(path.read_bytes() if index % step == 0 else b"")
    return f"{', '.join(counts)} ({digest.hexdigest()[:12]})"


def _shown(*values: object) -> list[str]:
    """Values as JSON; long ones are cut to the part around their first difference."""
    texts = [json.dumps(value) for value in values]
    same = len(os.path.commonprefix(texts))
    start = max(0, same - _BEFORE) if max(map(len, texts)) > _LONGEST else 0
    return [_cut(text, start) for text in texts]


def _cut(text: str, start: int) -> str:
    end = start + _LONGEST
    return f"{'...' if start else ''}{text[start:end]}{'...' if end < len(text) else ''}"
