"""Trials of earlier experiments that a new search learns from."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from automl.errors import Fault, UsageError, faults_named
from automl.experiment.comparison import differences_in_task, neighbours
from automl.experiment.experiment import Experiment
from automl.experiment.paths import ExperimentPaths
from automl.experiment.settings import Settings
from automl.files import json_text, write_atomic
from automl.schema.schema import Schema
from automl.space.space import SearchSpace
from automl.trial.numbers import number_from_json
from automl.trial.objective import value_of
from automl.trial.trial import PastTrial


@dataclass(frozen=True)
class WarmStart:
    """What earlier experiments hand to a new search."""

    trials: tuple[PastTrial, ...] = ()
    unreadable: tuple[str, ...] = ()
    """Why experiments beside the new one were skipped: they are damaged."""


def earlier_trials(
    source: str, root: Path, settings: Settings, schema: Schema, space: SearchSpace
) -> WarmStart:
    """Return the trials of the experiment `source`, or with `auto` of all beside `root` that fit.

    An experiment fits when it has the same skill, schema, data and objectives. Trials whose values
    the space does not hold are left out.

    Raises:
        UsageError: A named experiment that does not fit, with what differs.
    """
    if source == "auto":
        beside = neighbours(root)
        fitting = [
            past
            for past in sorted(beside.experiments, key=lambda past: past.paths.root)
            if not any(differences_in_task(settings, schema, past))
        ]
        return WarmStart(_all_trials(fitting, space), beside.unreadable)
    with faults_named("--warm-start", source):
        past = Experiment.load(source)
    differences = list(differences_in_task(settings, schema, past))
    if differences:
        text = f"--warm-start {source}: does not fit: {'; '.join(differences)}"
        raise UsageError(Fault(text, key="--warm-start", value=source))
    return WarmStart(_all_trials([past], space))


def _all_trials(experiments: Sequence[Experiment], space: SearchSpace) -> tuple[PastTrial, ...]:
    return tuple(trial for past in experiments for trial in _trials(past, space))


def _trials(past: Experiment, space: SearchSpace) -> Iterator[PastTrial]:
    for trial in past.history.trials.values():
        if trial.confirms is None and not list(space.faults(trial.values)):
            curve = {r.epoch: value_of(past.settings.objectives, r.metrics) for r in trial.reports}
            yield PastTrial(trial.values, {} if trial.failure is not None else curve)


def write_past(paths: ExperimentPaths, past: Sequence[PastTrial]) -> None:
    """Write earlier trials into the experiment's folder, which then needs no other folder."""
    rows = [{"values": t.values, "curve": list(t.curve.items())} for t in past]
    write_atomic(paths.warm_start, json_text(rows) + "\n")


def read_past(paths: ExperimentPaths) -> list[PastTrial]:
    """Return the earlier trials in an experiment's folder; the inverse of `write_past`."""
    if not paths.warm_start.exists():
        return []
    rows = json.loads(paths.warm_start.read_text())
    return [
        PastTrial(row["values"], {epoch: _value(value) for epoch, value in row["curve"]})
        for row in rows
    ]


def _value(plain: Any) -> Any:
    if isinstance(plain, list):
        return tuple(_value(part) for part in plain)
    return number_from_json(plain)
