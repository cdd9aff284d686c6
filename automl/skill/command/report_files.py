"""Reads the metrics that a training writes to a file while it runs, as TAO's status lines.

Three forms: JSON lines with the metrics under ``kpi`` (status.json); JSON lines that hold the
metrics themselves (NAME.jsonl); one JSON object that is replaced each time (NAME.json).
"""

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from automl.errors import UsageError, nearest
from automl.trial.objective import ReportError

DEFAULT_STATUS = ("status.json", "train/status.json", "**/status.json")
"""TAO's commands write to results_dir, to the action's folder in it, or where their spec says."""


@dataclass(frozen=True)
class ReportSource:
    """The ``reports`` of skill_info.yaml: the files, and how they count epochs."""

    files: tuple[str, ...] = DEFAULT_STATUS
    """Names or patterns, relative to the results folder; the first that exists is read."""
    has_kpi: bool = True
    """Whether metrics are under ``kpi``."""
    first_epoch: int | None = None
    """The number of the first epoch in the file, 0 or 1; None: as its first epoch is numbered.

    TAO counts from 0, others from 1."""

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> "ReportSource":
        """Read ``{status: FILE}`` or ``{metrics: FILE}``; raises `UsageError`."""
        keys = ("status", "metrics", "first_epoch")
        faults = [f"reports: unknown key {k!r}{nearest(k, keys)}" for k in content
                  if k not in keys]  # fmt: skip
        if "status" in content and "metrics" in content:
            faults.append("reports: status and metrics are both given; keep one of them")
        first = content.get("first_epoch")
        if first not in (None, 0, 1):
            faults.append(f"reports: first_epoch {first!r} is not allowed: must be 0 or 1")
        if faults:
            raise UsageError(*faults)
        named = content.get("metrics", content.get("status"))
        return cls((str(named),) if named else DEFAULT_STATUS, "metrics" not in content, first)


class ReportReader:
    """Yields (epoch counted from 1, metrics) once an epoch has all metrics that are waited for.

    A training may write the metrics of one epoch in several lines. Without metrics to wait for, an
    epoch is complete when the next one begins or the training ends.
    """

    def __init__(self, folder: Path, source: ReportSource, metrics: Sequence[str] = ()) -> None:
        self._folder = folder
        self._source = source
        self._awaited = frozenset(metrics)
        self._first = source.first_epoch
        self._read = 0
        self._last: dict[str, Any] = {}
        self._epoch = 0
        self._yielded = 0
        self.metrics: dict[str, float] = {}
        """Metrics of the last epoch seen."""

    def new(self, *, last: int | None = None) -> Iterator[tuple[int, dict[str, float]]]:
        """Yield the reports written since the last call.

        `last` says that the training has ended, and which epoch metrics without one belong to.
        """
        for record in self._records():
            number = _epoch_of(record)
            if number is not None:
                if not self._awaited and self._counted(number) != self._epoch:
                    yield from self._open_report()
                self._go_to(self._counted(number))
            metrics = self._metrics_of(record)
            self.metrics.update(metrics)
            if self._awaited and self._epoch and self._is_complete(metrics):
                self._yielded = self._epoch
                yield self._epoch, dict(self.metrics)
        if last is None:
            return
        if not self._epoch and (not self._awaited or self._awaited <= self.metrics.keys()):
            self._epoch = last
            yield last, dict(self.metrics)
        elif not self._awaited:
            yield from self._open_report()

    def _counted(self, number: int) -> int:
        if self._first is None:
            self._first = 0 if number == 0 else 1
        return number + 1 - self._first

    def _go_to(self, epoch: int) -> None:
        if epoch != self._epoch:
            self._epoch = epoch
            self.metrics = {}

    def _open_report(self) -> Iterator[tuple[int, dict[str, float]]]:
        if self._epoch > self._yielded:
            self._yielded = self._epoch
            yield self._epoch, dict(self.metrics)

    def _is_complete(self, metrics: Mapping[str, float]) -> bool:
        """Whether these metrics, the last of the epoch, are among those that were waited for."""
        return self._awaited <= self.metrics.keys() and not self._awaited.isdisjoint(metrics)

    def _metrics_of(self, record: Mapping[str, Any]) -> dict[str, float]:
        values = record.get("kpi") if self._source.has_kpi else record
        if not isinstance(values, Mapping):
            return {}
        numbers = {
            str(name): float(value)
            for name, value in values.items()
            if isinstance(value, int | float) and not isinstance(value, bool) and name != "epoch"
        }
        for name in self._awaited & values.keys() - numbers.keys():
            raise ReportError(f"{name} is {values[name]!r}, which is not a number")
        return numbers

    def _records(self) -> Iterator[dict[str, Any]]:
        paths = (path for name in self._source.files for path in self._folder.glob(name))
        path = next(paths, None)
        if path is None:
            return
        if not path.is_file():
            raise ReportError(f"{path.name} is no regular file")
        if self._source.has_kpi or path.suffix != ".json":
            yield from self._lines(path)
        else:
            record = _parsed(path.read_bytes())
            if record is not None and record != self._last:
                self._last = record
                yield record

    def _lines(self, path: Path) -> Iterator[dict[str, Any]]:
        if path.stat().st_size < self._read:
            self._read = 0  # The training has begun the file anew.
        with path.open("rb") as file:
            file.seek(self._read)
            *lines, _torn = file.read().split(b"\n")
        self._read += sum(len(line) + 1 for line in lines)
        for line in lines:
            record = _parsed(line)
            if record is not None:
                yield record


def _epoch_of(record: Mapping[str, Any]) -> int | None:
    """Return the epoch of a record, None if it names none; raises `ReportError` for no number."""
    number = record.get("epoch")
    if number is None:
        return None
    is_number = isinstance(number, int | float) and not isinstance(number, bool)
    if not is_number or not math.isfinite(number) or number != int(number):
        raise ReportError(f"the report's epoch is {number!r}, which is not a whole number")
    return int(number)


def _parsed(text: bytes) -> dict[str, Any] | None:
    """Return a JSON object; None for anything else, such as one that is being written."""
    try:
        record = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return record if isinstance(record, dict) else None
