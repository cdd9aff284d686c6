"""Estimates time and disk of a search from earlier experiments in the same folder.

There is no guess: without an experiment that trained the same there is no estimate, only reasons.
"""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from automl.experiment.comparison import (
    differences_in_pace,
    differences_in_size,
    neighbours,
)
from automl.experiment.experiment import CONTENDERS, Experiment
from automl.experiment.history import History
from automl.experiment.journal import Journal
from automl.experiment.pace import Pace
from automl.experiment.settings import Settings
from automl.machine.disk import folder_size
from automl.skill.info import SkillInfo

_REASONS = 3
"""The number of experiments whose reason is given."""


@dataclass(frozen=True)
class Estimate:
    """Time and disk of a new experiment; None is unknown."""

    time_source: str | None
    """The experiment whose pace was taken."""
    seconds: float | None
    """At most, if every trial is trained in full and at that pace."""
    seconds_of_same: float | None
    """Seconds that the source took, if it had the same algorithm and budget."""
    seconds_per_epoch: float | None
    seconds_after: float | None
    """Of the promotion, which follows the search."""
    disk_source: str | None
    bytes_per_trial: int | None
    """Of the largest trial of the source."""
    bytes_in_all: int | None
    """At most; None where the number of trials has no limit."""
    why_none: tuple[str, ...]
    """Why earlier experiments were not used."""

    def to_dict(self) -> dict[str, Any]:
        """Return the plain form of ``--json``."""
        return {**asdict(self), "why_none": list(self.why_none)}


@dataclass(frozen=True)
class _Measured:
    """The seconds that one experiment was driven, by part."""

    startup_s: float
    per_epoch_s: float
    rest_s: float
    """After the search: the promotion."""
    total_s: float


def estimate(settings: Settings, info: SkillInfo, root: Path) -> Estimate:
    """Estimate an experiment with these settings from the other experiments in its folder."""
    epochs_and_seed = (key for key in (info.stated_epochs_key, info.seed_key) if key)
    free = {*epochs_and_seed, *info.data_sources.get("train", {})}
    reasons: list[str] = []
    timed: tuple[Experiment, _Measured] | None = None
    sized: tuple[Experiment, int] | None = None
    for past in neighbours(root).experiments:
        differing = list(differences_in_size(settings, past.settings, free=free))
        about_time = [*differing, *differences_in_pace(settings, past.settings)]
        measured = None if about_time else _measured(past)
        largest = 0 if differing else _largest_trial(past)
        if timed is None and measured is not None:
            timed = past, measured
        if sized is None and largest:
            sized = past, largest
        if measured is None:
            reasons.append(f"{past.paths.root}: {'; '.join(about_time) or 'trained nothing'}")
    per_trial = None if sized is None else sized[1]
    count = _most_trials(settings)
    return Estimate(
        time_source=None if timed is None else str(timed[0].paths.root),
        seconds=None if timed is None else _seconds(settings, timed[1]),
        seconds_of_same=None if timed is None else _of_same(settings, *timed),
        seconds_per_epoch=None if timed is None else timed[1].per_epoch_s,
        seconds_after=None if timed is None else timed[1].rest_s,
        disk_source=None if sized is None else str(sized[0].paths.root),
        bytes_per_trial=per_trial,
        bytes_in_all=None
        if sized is None or count is None
        else count * sized[1] + folder_size(sized[0].paths.promoted),
        why_none=tuple(reasons[:_REASONS]),
    )


def _measured(past: Experiment) -> _Measured | None:
    history, pace = History(), Pace(past.settings)
    startup = end = None
    for event in Journal(past.paths.journal).read():
        pace.apply(event, history)
        history.apply(event)
        if event["event"] == "start" and startup is None:
            startup = history.driven_s
        if event["event"] in ("report", "finish"):
            end = history.driven_s
    epochs = pace.searched + pace.confirmed
    if startup is None or end is None or not epochs:
        return None
    rest = history.driven_s - end
    return _Measured(startup, (end - startup) / epochs, rest, history.driven_s)


def _seconds(settings: Settings, measured: _Measured) -> float:
    budget = settings.budget
    search = [] if budget.time_s is None else [budget.time_s]
    if budget.budget_epochs is not None:
        search.append(budget.budget_epochs * measured.per_epoch_s)
    if budget.is_limited_in_trials:
        search.append(budget.trials * budget.epochs * measured.per_epoch_s)
    repeats = CONTENDERS * settings.confirm_seeds * budget.epochs * measured.per_epoch_s
    return measured.startup_s + min(search) + repeats + measured.rest_s


def _of_same(settings: Settings, past: Experiment, measured: _Measured) -> float | None:
    is_same = (
        past.settings.budget == settings.budget
        and past.settings.algorithm == settings.algorithm
        and past.settings.confirm_seeds == settings.confirm_seeds
        and past.history.closed == "finished"
    )
    return measured.total_s if is_same else None


def _most_trials(settings: Settings) -> int | None:
    """Return the largest number of trials that the budget allows, at one epoch each."""
    budget = settings.budget
    limits = [budget.trials] if budget.is_limited_in_trials else []
    limits += [] if budget.budget_epochs is None else [budget.budget_epochs]
    return min(limits) + CONTENDERS * settings.confirm_seeds if limits else None


def _largest_trial(past: Experiment) -> int:
    return max((folder_size(past.paths.trial(number)) for number in past.history.trials), default=0)
