"""Trains the best again with fresh seeds, so that the winner is not only the luckiest."""

from dataclasses import dataclass
from typing import Any

from automl.errors import UsageError, not_allowed
from automl.experiment.experiment import Experiment
from automl.schema.spec import flatten
from automl.skill.info import SkillInfo
from automl.trial.trial import Trial


@dataclass(frozen=True)
class Repeat:
    """One more training of a contender's values, with a seed of its own."""

    trial: int
    of: Trial
    adjusted: dict[str, Any]


def check_confirmation(seeds: int, info: SkillInfo, *, trial: int | None) -> None:
    """Raise `UsageError` if a promotion cannot confirm the best with this many fresh seeds."""
    if seeds < 0:
        raise UsageError(not_allowed("--confirm-seeds", seeds, "0 or more"))
    if trial is not None:
        raise UsageError(
            f"--confirm-seeds and --trial {trial}: give one of them; a confirmation chooses "
            "between the best two"
        )
    if info.seed_key is None:
        raise UsageError(f"--confirm-seeds: {info.name} names no seed_key in its skill_info.yaml")


def next_repeat(experiment: Experiment, seed_key: str | None) -> Repeat | None:
    """Return the next repeat to start; None if all were started, or none was requested."""
    count = experiment.settings.confirm_seeds
    if not count or seed_key is None:
        return None
    trials = experiment.history.trials
    first = int(flatten(experiment.settings.spec).get(seed_key) or 0)
    started = {
        (t.confirms, t.adjusted.get(seed_key)) for t in trials.values() if t.confirms is not None
    }
    for contender in experiment.contenders():
        for step in range(1, count + 1):
            # All trials of the search had the first seed: it would repeat a known training.
            seed = first + step
            if (contender.number, seed) not in started:
                adjusted = {**contender.adjusted, seed_key: seed}
                return Repeat(max(trials) + 1, contender, adjusted)
    return None
