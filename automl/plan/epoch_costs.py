"""What an epoch of a configuration will cost, as learned from an earlier experiment."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from automl.experiment.epoch_times import EpochTimes
from automl.experiment.experiment import Experiment
from automl.experiment.journal import Journal
from automl.files import json_text
from automl.search.auto.costs import Costs
from automl.search.auto.features import Features
from automl.space.space import SearchSpace


def expected_epoch_s(
    past: Path, space: SearchSpace, suggestions: Sequence[Mapping[str, Any]]
) -> list[float] | None:
    """Return the expected seconds of an epoch of each suggestion.

    None if the earlier experiment searched another space, or its trials cost the same.
    """
    experiment = Experiment.load(past)
    searched = experiment.space()
    if json_text(searched.to_dict()) != json_text(space.to_dict()):
        return None
    features, times, costs = Features(space), EpochTimes(), Costs()
    for event in Journal(experiment.paths.journal).read():
        time = times.apply(event)
        if time is not None:
            costs.took(time.trial, time.seconds, is_first=time.is_first)
    trials = experiment.history.trials
    costs.learn({n: features.of(trial.values) for n, trial in trials.items()})
    if not costs.differ or not suggestions:
        return None
    rows = np.stack([features.of(values) for values in suggestions])
    return [float(seconds) for seconds in costs.epoch_s(rows, np.full(len(rows), -1))]
