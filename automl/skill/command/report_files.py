"""Reads what a training tells in a file while it runs: TAO's status lines, or metrics.

Three forms: JSON lines with the metrics under ``kpi`` (status.json); JSON lines that hold the
metrics themselves (NAME.jsonl); one JSON object that is written anew (NAME.json).
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from automl.errors import UsageError, nearest

DEFAULT_STATUS = ("status.json", "train/status.json")
"""Where TAO's commands write: results_dir itself, or a folder of the action in it."""


@dataclass(frozen=True)
class ReportSource:
    """The ``reports`` of skill_info.yaml: where metrics are told and how epochs are counted."""

    files: tuple[str, ...] = DEFAULT_STATUS
    """Relative to the results folder; the first that exists is read."""
    has_kpi: bool = True
    """Whether metrics are under ``kpi``."""
    first_epoch: int = 1
    """What the file calls the first epoch: 0 or 1."""

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> "ReportSource":
        """Read ``{status: FILE}`` or ``{metrics: FILE}``; raises `UsageError`."""
        known = ("status", "metrics", "first_epoch")
        faults = [f"reports: unknown key {k!r}{nearest(k, known)}" for k in content
                  if k not in known]  # fmt: skip
        if "status" in content and "metrics" in content:
            faults.append("reports: status and metrics are both given; keep one of them")
        first = content.get("first_epoch", 1)
        if first not in (0, 1):
            faults.append(f"reports: first_epoch {first!r} is not allowed: must be 0 or 1")
        if faults:
            raise UsageError(*faults)
        named = content.get("metrics", content.get("status"))
        return cls((str(named),) if named else DEFAULT_STATUS, "metrics" not in content, first)


class ReportReader:
    """Yields (epoch counted from 1, metrics) once an epoch has the metric that is waited for."""

    def __init__(self, folder: Path, source: ReportSource, metric: str | None) -> None:
        self._paths = [folder / name for name in source.files]
        self._source = source
        self._metric = metric
        self._read = 0
        self._last: dict[str, Any] = {}
        self._epoch = 0
        self.metrics: dict[str, float] = {}
        """What is known of the last epoch seen."""

    def new(self, *, otherwise: int | None = None) -> Iterator[tuple[int, dict[str, float]]]:
        """Yield the reports written since the last call.

        `otherwise` is the epoch of metrics without one, told at the end; None leaves them unread.
        """
        for record in self._records():
            metrics = self._metrics_of(record)
            told = record.get("epoch")
            if isinstance(told, int | float):
                self._go_to(int(told) + 1 - self._source.first_epoch)
            self.metrics.update(metrics)
            if self._epoch and self._has_metric(metrics):
                yield self._epoch, dict(self.metrics)
        if otherwise is not None and not self._epoch and self._has_metric(self.metrics):
            self._epoch = otherwise
            yield otherwise, dict(self.metrics)

    def _go_to(self, epoch: int) -> None:
        if epoch != self._epoch:
            self._epoch = epoch
            self.metrics = {}

    def _has_metric(self, metrics: Mapping[str, float]) -> bool:
        return bool(metrics) if self._metric is None else self._metric in metrics

    def _metrics_of(self, record: Mapping[str, Any]) -> dict[str, float]:
        found = record.get("kpi") if self._source.has_kpi else record
        if not isinstance(found, Mapping):
            return {}
        return {
            str(name): float(value)
            for name, value in found.items()
            if isinstance(value, int | float) and not isinstance(value, bool) and name != "epoch"
        }

    def _records(self) -> Iterator[dict[str, Any]]:
        path = next((p for p in self._paths if p.exists()), None)
        if path is None:
            return
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


def _parsed(text: bytes) -> dict[str, Any] | None:
    """Return a JSON object; None for anything else, such as one that is being written."""
    try:
        record = json.loads(text)
    except ValueError:
        return None
    return record if isinstance(record, dict) else None
