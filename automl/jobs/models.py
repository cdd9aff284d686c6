"""Selects the model file of a finished job: by its action and, for a training, by a method.

A missing model is an error that lists the models that exist; no other is taken instead.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from automl.errors import UsageError, not_one_of

CHECKPOINT_SUFFIXES = (".ckpt", ".safetensors", ".pth", ".pt", ".tlt", ".hdf5", ".npz")
METHODS = ("best_model", "latest_model", "from_epoch_number")
MODEL_SUFFIXES: Mapping[str, tuple[tuple[str, ...], ...]] = {
    "train": (CHECKPOINT_SUFFIXES,),
    "quantize": (CHECKPOINT_SUFFIXES, (".onnx",)),
    "export": ((".onnx",),),
    "gen_trt_engine": ((".engine",),),
}
"""Suffixes of a job's model by its action; the first kind that exists is taken."""

_EPOCH = re.compile(r"epoch[_=-]?(\d+)")
_LAST_NUMBER = re.compile(r"(?:^|[_=-])(\d{1,6})$")


@dataclass(frozen=True)
class Choice:
    """A checkpoint of a training: TAO's checkpoint_choose_method, and the epoch if it needs one."""

    method: str = "best_model"
    epoch: int | None = None

    def __post_init__(self) -> None:
        if self.method not in METHODS:
            raise UsageError(not_one_of("--checkpoint-choose-method", self.method, METHODS))
        if (self.method == "from_epoch_number") != (self.epoch is not None):
            raise UsageError(
                "--from-epoch N and --checkpoint-choose-method from_epoch_number go together: "
                "give --from-epoch N alone"
            )


@dataclass(frozen=True)
class ModelSource:
    """A job that leaves a model: its folder and the known facts about its files."""

    job: str
    action: str
    folder: Path
    best: str | None = None
    """The best checkpoint, or the one model of another action, relative to the folder, if known."""
    last: str | None = None
    epochs: Mapping[str, int] = field(default_factory=dict)
    """Epochs of files, relative to the folder, whose names do not have them."""


def select_model(source: ModelSource, choice: Choice) -> Path:
    """Return the model of a job; raises `UsageError` if the job leaves none or it is missing.

    Epochs count as in the names of the files, otherwise from 1.
    """
    if source.action not in MODEL_SUFFIXES:
        raise UsageError(
            f"job {source.job}: {source.action} leaves no model; the parent must be an "
            f"experiment or a job of {', '.join(MODEL_SUFFIXES)}"
        )
    if choice.method != "best_model" and source.action != "train":
        raise UsageError(
            f"job {source.job}: is {source.action}, which leaves one model and no epochs; leave "
            "--from-epoch and --checkpoint-choose-method out"
        )
    files = _files(source)
    model = _chosen(source, choice, files)
    if model is None:
        asked = f"epoch {choice.epoch}" if choice.epoch is not None else choice.method
        raise UsageError(
            f"job {source.job}: has no model for {asked} in {source.folder}; "
            f"{_listed(source, files)}"
        )
    return model


def last_checkpoint(source: ModelSource) -> Path | None:
    """Return the checkpoint that a training resumes from; None if there is none yet."""
    return _chosen(source, Choice("latest_model"), _files(source))


def _chosen(source: ModelSource, choice: Choice, files: list[Path]) -> Path | None:
    if choice.epoch is not None:
        return _of_epoch(source, choice.epoch, files)
    stated = source.best if choice.method == "best_model" else source.last
    if stated is not None:
        return next((path for path in files if path == source.folder / stated), None)
    if choice.method == "latest_model":
        numbered = [path for path in files if _epoch(source, path) is not None]
        return max(numbered, key=lambda p: _epoch(source, p) or 0, default=_only(files))
    return _only(files)


def _of_epoch(source: ModelSource, epoch: int, files: list[Path]) -> Path | None:
    """Return the file with the epoch in its name, or else the best or the last of that epoch."""
    candidates = [path for path in files if _epoch(source, path) == epoch]
    named = [path for path in candidates if _epoch_in_name(path) is not None]
    best = [path for path in candidates if source.best and path == source.folder / source.best]
    return _only(named or best or candidates)


def _only(paths: Iterable[Path]) -> Path | None:
    candidates = list(paths)
    return candidates[0] if len(candidates) == 1 else None


def _files(source: ModelSource) -> list[Path]:
    """Return the files of the first kind that exists, and those that the skill names."""
    named = {source.folder / name for name in (source.best, source.last) if name is not None}
    for suffixes in MODEL_SUFFIXES[source.action]:
        files = [
            path
            for path in sorted(source.folder.rglob("*"))
            if path.is_file()
            and (path in named or (path.suffix in suffixes and _is_visible(path, source.folder)))
        ]
        if files:
            return files
    return []


def _is_visible(path: Path, folder: Path) -> bool:
    parts = path.relative_to(folder).parts
    return not any(part.startswith(".") or part == "lightning_logs" for part in parts)


def _epoch(source: ModelSource, path: Path) -> int | None:
    """Return a file's epoch by its name, or by the job's reports."""
    named = _epoch_in_name(path)
    return source.epochs.get(str(path.relative_to(source.folder))) if named is None else named


def _epoch_in_name(path: Path) -> int | None:
    named = _EPOCH.search(path.stem) or _LAST_NUMBER.search(path.stem)
    return int(named[1]) if named else None


def _listed(source: ModelSource, files: list[Path]) -> str:
    if not files:
        return "it has no model at all"
    names = []
    for path in files:
        epoch = _epoch(source, path)
        names.append(f"{path.relative_to(source.folder)}" + (f" (epoch {epoch})" if epoch else ""))
    return f"it has {', '.join(names)}"
