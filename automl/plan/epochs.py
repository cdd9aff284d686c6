"""The epochs of a full training that suit a limit of time, by the measured pace of an epoch."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from automl.errors import UsageError
from automl.experiment.environment import NVIDIA, threads
from automl.experiment.resources import Resources
from automl.formats import counted, duration
from automl.runners.allocation import shares
from automl.skill.failures import failure_from_error
from automl.skill.loaded import LoadedSkill
from automl.trial.budget import UNLIMITED, Budget

FACTOR, POWER = 10.0, 0.35
"""A full training takes FACTOR * whole ** POWER of the `whole` epochs that fit in the time: 36 of
40, 50 of 100, 112 of 1000. Short schedules cost more than a search of few trials gains (CamVid:
.57, .62 and .64 after 5, 20 and 40 epochs of the recipe); with more time, both grow."""
LARGEST_SHARE = 0.9
"""The largest part of a worker's epochs for one full training; the rest is for what a few steps do
not show."""
FEW = 12
"""Epochs of a worker, below which there is time for one training: the recipe. Then the cores train
it together, if that is quicker."""
QUICKER = 0.8
"""The part of the seconds of an epoch that all cores together must not exceed."""
MOST_AT_ONCE = 4
"""Trainings that the measurement runs at once; more of them disturb each other alike."""
RAY_START_S = 8.0
"""An allowance for the start of Ray, which comes before that of a worker and is not measured."""


@dataclass(frozen=True)
class TimedEpochs:
    """The epochs of a full training, and why."""

    epochs: int | None
    """None: they could not be chosen."""
    resources: Resources
    """With one trial at a time where the time is short."""
    note: str
    """One line for people."""
    trials: int = UNLIMITED
    """How many trainings the time is enough for, where that is one for each worker."""
    pace: Mapping[str, float] = field(default_factory=dict)
    """`start_s`, of runner and worker up to the first step, and `epoch_s`."""


def epochs_of_time(
    skill: LoadedSkill,
    spec: Mapping[str, Any],
    resources: Resources,
    budget: Budget,
    *,
    say: Callable[[str], None] = lambda _text: None,
) -> TimedEpochs | None:
    """Time a start and an epoch of a spec; return the epochs of a full training for a budget.

    None if the budget has no time, the skill times no epochs, or the trials run elsewhere. It takes
    up to a minute, so it is announced to `say`.
    """
    if budget.time_s is None or not skill.times_epochs or resources.address is not None:
        return None
    say("timing the start and a few steps of a training, to choose the epochs for --time")
    cpus, at_once, workers = _division(resources)
    try:
        pace = skill.pace(dict(spec), threads=cpus, at_once=at_once)
    except Exception as error:  # noqa: BLE001
        # Whatever it is, the first trials meet it too and report it as a failure of theirs.
        text = failure_from_error(error).message.splitlines()[0]
        note = f"an epoch could not be timed ({text}): {budget.epochs} epochs a training"
        return TimedEpochs(None, resources, note)
    together = ""
    # Beyond a few cores, one training gains little by a further one.
    is_short = _whole(replace(budget, budget_epochs=None), pace, 1) < FEW
    if at_once == workers > 1 and is_short and resources == _undivided(resources):
        alone = skill.pace(dict(spec), threads=threads(), at_once=1)
        if alone["epoch_s"] < QUICKER * pace["epoch_s"]:
            resources, pace = replace(resources, concurrency=1), alone
            together, workers = ", one at a time on all cores", 1
    pace = {"start_s": pace["start_s"] + _runner_s(resources), "epoch_s": pace["epoch_s"]}
    epochs = chosen_epochs(budget, pace, workers=workers)
    note = _note(budget, pace, epochs, workers, together)
    trials = workers if is_for_one_each(budget, pace, workers=workers) else UNLIMITED
    return TimedEpochs(epochs, resources, note, trials, pace)


def _note(
    budget: Budget, pace: Mapping[str, float], epochs: int, workers: int, together: str
) -> str:
    start, epoch = duration(pace["start_s"]), duration(pace["epoch_s"])
    measured = f"the start takes about {start} and an epoch {epoch}, measured"
    limit, whole = duration(budget.time_s or 0.0), _whole(budget, pace, workers)
    if whole < workers:
        return (
            f"--time {limit} is less than one epoch needs: {measured}; the search ends after its"
            " first epoch; give more time, or a smaller model or size"
        )
    is_one = workers == 1 and is_for_one_each(budget, pace, workers=1)
    plan = (
        f"one training of {counted(epochs, 'epoch')}" if is_one else f"{epochs} epochs a training"
    )
    return (
        f"{plan}{together}, chosen for --time {limit}: {measured}, so that "
        f"about {whole:.0f} fit in; --epochs N sets them"
    )


def _runner_s(resources: Resources) -> float:
    return RAY_START_S if resources.runner == "ray" else 0.0


def _undivided(resources: Resources) -> Resources:
    """Return the resources without those that the user divided himself."""
    return replace(resources, concurrency=None, cpus_per_trial=None, gpus_per_trial=None)


def chosen_epochs(budget: Budget, pace: Mapping[str, float], *, workers: int) -> int:
    """Return the epochs of a full training: few enough for several trials in the budget."""
    whole = _whole(budget, pace, workers)
    largest = LARGEST_SHARE * whole / workers
    chosen = min(FACTOR * whole**POWER, largest)
    if budget.is_limited_in_trials:  # The time of few trials goes into longer ones.
        chosen = max(chosen, LARGEST_SHARE * whole / max(budget.trials, workers))
    # Half an epoch more costs a long training nothing, and a short one its end.
    return max(1, int(min(chosen + 0.5, largest + 0.25)))


def is_for_one_each(budget: Budget, pace: Mapping[str, float], *, workers: int) -> bool:
    """Whether the time is best spent on one training of each worker, without looks at others."""
    whole = _whole(budget, pace, workers)
    return bool(FACTOR * whole**POWER >= LARGEST_SHARE * whole / workers)


def _whole(budget: Budget, pace: Mapping[str, float], workers: int) -> float:
    """Return the epochs that all workers train in the time together, once they have started."""
    left = max(0.0, (budget.time_s or 0.0) - pace["start_s"])
    whole = workers * left / max(pace["epoch_s"], 1e-3)
    return whole if budget.budget_epochs is None else min(whole, float(budget.budget_epochs))


def _division(resources: Resources) -> tuple[int, int, int]:
    """Return the threads of a trial, how many trials share its device, and how many run at once."""
    cores = threads()
    if resources.runner == "local":
        return cores, 1, 1
    gpus = len([*NVIDIA.glob("*")])
    memory = float(resources.memory_bytes or 0)
    node = {"CPU": float(cores), "GPU": float(gpus), "memory": memory}
    try:
        share, workers = shares(resources, [{n: a for n, a in node.items() if a}])
    except UsageError:  # The runner says so when it has counted what there is.
        return cores, 1, 1
    own = max(1, int(share.get("CPU", 1.0)))
    if gpu := share.get("GPU", 0.0):
        return own, min(MOST_AT_ONCE, max(1, int(1 / gpu))), workers
    return own, min(MOST_AT_ONCE, workers), workers
