"""Writes an experiment as event files of TensorBoard: `tensorboard --logdir EXPERIMENT`."""

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tensorboardX.event_file_writer import EventsWriter
from tensorboardX.proto.event_pb2 import Event
from tensorboardX.summary import hparams, scalar

from automl.experiment.paths import ExperimentPaths
from automl.tracking.curves import curves_mirror
from automl.tracking.mirror import Mirror
from automl.tracking.names import ParameterNames

FOLDER = "tensorboard"


def tensorboard_mirror(paths: ExperimentPaths, names: ParameterNames) -> Mirror:
    """Return the mirror of an experiment in its folder tensorboard/."""
    folder = paths.root / FOLDER
    record = folder / "written.json"
    return curves_mirror(f"TensorBoard in {folder}", EventFiles(folder), record, names)


class EventFiles:
    """Event files, in a folder for each run; a file is closed when its run ends.

    Written without tensorboardX's `FileWriter`, whose `flush` leaves events in its queue.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._writers: dict[str, EventsWriter] = {}

    def log(
        self,
        run: str,
        params: Mapping[str, Any],
        metrics: Mapping[str, float],
        step: int,
        at: float,
    ) -> None:
        """Add scalars, and write them out."""
        writer = self._writer(run)
        for name, value in metrics.items():
            writer.write_event(Event(wall_time=at, step=step, summary=scalar(name, value)))
        writer.flush()

    def end(
        self, run: str, params: Mapping[str, Any], facts: Mapping[str, Any], *, is_failed: bool
    ) -> None:
        """Add the run to the table of hyperparameters, and close its file."""
        writer = self._writer(run)
        measured = {name: value for name, value in facts.items() if _is_number(value)}
        shown = {name: _plain(value) for name, value in {**params, "state": facts["state"]}.items()}
        scalars = (scalar(name, value) for name, value in measured.items())
        for summary in (*hparams(shown, measured), *scalars):
            writer.write_event(Event(wall_time=time.time(), summary=summary))
        self._writers.pop(run).close()

    def close(self) -> None:
        """Close the files of the runs that have not ended."""
        while self._writers:
            self._writers.popitem()[1].close()

    def _writer(self, run: str) -> EventsWriter:
        if run not in self._writers:
            folder = self._folder / run
            folder.mkdir(parents=True, exist_ok=True)
            # Its names count seconds: a second file of one second would take the first one's place.
            self._writers[run] = EventsWriter(str(folder / "events"), f".{time.time_ns()}")
        return self._writers[run]


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _plain(value: Any) -> Any:
    return value if isinstance(value, bool | int | float | str) else str(value)
