"""Trials of earlier experiments that a new search learns from."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from automl.errors import UsageError
from automl.experiment.experiment import Experiment
from automl.experiment.paths import ExperimentPaths
from automl.experiment.settings import Settings
from automl.files import json_text, write_atomic
from automl.schema.schema import Schema
from automl.space.space import SearchSpace
from automl.trial.numbers import number_from_json
from automl.trial.objective import value_of
from automl.trial.trial import PastTrial


def earlier_trials(
    which: str, root: Path, settings: Settings, schema: Schema, space: SearchSpace
) -> list[PastTrial]:
    """Return the trials of an experiment, or with `auto` of all beside `root` that fit.

    An experiment fits when it has the same skill, schema, data and objectives. Its trials whose
    values the space does not hold are left out.

    Raises:
        UsageError: A named experiment that does not fit, with what differs.
    """
    if which == "auto":
        folders = [p for p in sorted(root.resolve().parent.glob("*")) if p != root.resolve()]
        fitting = [
            past
            for folder in folders
            if ExperimentPaths(folder).exists()
            and not list(_differences(past := Experiment.load(folder), settings, schema))
        ]
    else:
        past = Experiment.load(Path(which))
        differences = list(_differences(past, settings, schema))
        if differences:
            raise UsageError(f"--warm-start {which}: does not fit: {'; '.join(differences)}")
        fitting = [past]
    return [trial for past in fitting for trial in _trials(past, space)]


def _differences(past: Experiment, settings: Settings, schema: Schema) -> Iterator[str]:
    """Yield what makes an experiment one of another kind."""
    if past.settings.skill != settings.skill:
        yield f"its skill is {past.settings.skill}, not {settings.skill}"
        return
    document = json.loads(json_text(schema.document))
    if not past.paths.schema.exists() or json.loads(past.paths.schema.read_text()) != document:
        yield "its schema is another"
    before, now = past.settings.data.get("fingerprint"), settings.data.get("fingerprint")
    if before != now or now is None:
        yield f"its data has fingerprint {before}, not {now}"
    before_goal = [o.to_dict() for o in past.settings.objectives]
    goal = [o.to_dict() for o in settings.objectives]
    if before_goal != goal:
        yield f"its objectives are {before_goal}, not {goal}"


def _trials(past: Experiment, space: SearchSpace) -> Iterator[PastTrial]:
    for trial in past.ledger.trials.values():
        if trial.confirms is None and not list(space.faults(trial.values)):
            curve = {r.epoch: value_of(past.settings.objectives, r.metrics) for r in trial.reports}
            yield PastTrial(trial.values, {} if trial.failure is not None else curve)


def write_past(paths: ExperimentPaths, past: Sequence[PastTrial]) -> None:
    """Keep earlier trials with the experiment, which then needs nothing else."""
    rows = [{"values": t.values, "curve": list(t.curve.items())} for t in past]
    write_atomic(paths.warm_start, json_text(rows) + "\n")


def read_past(paths: ExperimentPaths) -> list[PastTrial]:
    """Return the earlier trials that an experiment keeps; the inverse of `write_past`."""
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
