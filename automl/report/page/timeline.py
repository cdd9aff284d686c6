"""An experiment's course: the best value so far by epochs trained and by time."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from automl.experiment.experiment import Experiment
from automl.experiment.journal import Journal


@dataclass(frozen=True)
class Point:
    """A report of the search, in order of time."""

    trial: int
    epoch: int
    epochs: int
    """Epochs that all trials had trained then."""
    seconds: float
    """Time that the sessions had taken then, without what passed between them."""
    value: float
    """Its objective; NaN where it broke a constraint."""


def points(experiment: Experiment) -> list[Point]:
    """Return the reports of the search: not those of failed trials, nor of confirmations."""
    trials, objective = experiment.ledger.trials, experiment.settings.objective
    found, spent, reached = [], 0, dict[int, int]()
    for event, seconds in _clocked(experiment):
        if event["event"] == "start" and event.get("parent") is not None:
            reached[event["trial"]] = reached.get(event["parent"], 0)
        if event["event"] != "report" or trials[event["trial"]].confirms is not None:
            continue
        number, epoch = event["trial"], event["epoch"]
        spent += max(0, epoch - reached.get(number, 0))
        reached[number] = max(epoch, reached.get(number, 0))
        if trials[number].failure is None:
            metrics = {k: math.nan if v is None else v for k, v in event["metrics"].items()}
            found.append(Point(number, epoch, spent, seconds, objective.value(metrics)))
    return found


def best_so_far(experiment: Experiment, course: Sequence[Point]) -> list[Point]:
    """Return the points that were better than all before them."""
    objective, best, found = experiment.settings.objective, math.nan, []
    for point in course:
        if objective.is_better(point.value, best):
            best = point.value
            found.append(point)
    return found


def _clocked(experiment: Experiment) -> Iterator[tuple[Mapping[str, Any], float]]:
    seconds, last = 0.0, None
    for event in Journal(experiment.paths.journal).read():
        if last is not None and event["event"] != "opened":
            seconds += max(0.0, event["time"] - last)
        last = event["time"]
        yield event, seconds


def short_names(keys: list[str]) -> dict[str, str]:
    """Return the shortest ends of dotted keys that tell them apart: `lr` for `train.optim.lr`."""
    names = {}
    for key in keys:
        parts = key.split(".")
        for length in range(1, len(parts) + 1):
            end = ".".join(parts[-length:])
            alike = [other for other in keys if other == end or other.endswith("." + end)]
            # A number alone is a place in a list and says nothing.
            if alike == [key] and not end.isdigit():
                break
        names[key] = end
    return names
