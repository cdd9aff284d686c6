"""The course of a search: its reports, and the best so far, by epochs trained and by time."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from automl.experiment.experiment import Experiment
from automl.experiment.journal import Journal
from automl.trial.objective import RunningBest


@dataclass(frozen=True)
class Point:
    """A report of the search, in order of time."""

    trial: int
    epoch: int
    epochs: int
    """Epochs that all trials had trained by then."""
    seconds: float
    """Time that the sessions had taken by then, without the time between them."""
    value: float
    """Its objective; NaN if it broke a constraint."""


def points(experiment: Experiment) -> list[Point]:
    """Return the reports of the search, without those of failed trials and of confirmations."""
    trials, objective = experiment.history.trials, experiment.settings.objective
    return [
        Point(
            each.trial, each.report.epoch, each.epochs, each.seconds,
            objective.value(each.report.metrics),
        )
        for each in experiment.history.course
        if trials[each.trial].failure is None
    ]  # fmt: skip


def best_so_far(experiment: Experiment, course: Sequence[Point]) -> list[Point]:
    """Return the points that were better than all before them."""
    best = RunningBest(experiment.settings.objective)
    return [point for point in course if best.improves(point.value)]


def clocked(experiment: Experiment) -> Iterator[tuple[Mapping[str, Any], float]]:
    """Yield each event with the seconds that the sessions had taken by then."""
    seconds, last = 0.0, None
    # The journal of a running search may hold more by now than the experiment knows.
    events = Journal(experiment.paths.journal).read()
    for event in islice(events, experiment.history.events):
        if last is not None and event["event"] != "opened":
            seconds += max(0.0, event["time"] - last)
        last = event["time"]
        yield event, seconds
