"""Which trial trains on where gains do not decide: a floor of depth, and trials that are alike."""

from collections.abc import Sequence

import numpy as np

from automl.search.auto.curves import Curve, Ladder
from automl.search.auto.foretold import is_ending, worse_half
from automl.search.auto.record import Record
from automl.search.auto.rungs import ENOUGH
from automl.search.seeds import rng_of

WORTH = 10
"""Full trainings' worth of epochs in which at least one trial is trained in full, and one of those
that were drawn without a model and look bad."""


def due(record: Record, ladder: Ladder, *, seed: int) -> int | None:
    """Return the paused trial that must be trained in full now; None if there is none.

    A search ends with a finished model: the epochs that the leader needs are kept for it. And it
    finishes one of the better half now and then, and a scout, since early losses may mislead.
    """
    if record.is_timed:
        trial = _last_to_finish(record, ladder)
        if trial is not None:
            return trial
    curves, epochs, whole = record.curves, record.budget.epochs, record.budget.budget_epochs
    running = [curves[n] for n in record.running]
    order = _by_loss(record, ladder)
    if not order or any(c.target == epochs for c in running):
        return None
    if whole is not None and not record.has_full_training:
        reserved = sum(c.target - c.epoch for c in running if c.target is not None)
        # One more first look must leave enough for the leader.
        left = whole - record.spent - reserved - ladder.rungs[0]
        if left < epochs - curves[order[0]].epoch:
            return order[0]
    full = sum(c.epoch == epochs for c in curves)
    if record.spent >= WORTH * epochs * (full + 1):
        better = order[: (len(order) + 1) // 2]
        return better[int(rng_of(seed, full, 2).integers(len(better)))]
    scouts = worse_half(record, ladder)
    full = sum(curves[n].epoch == epochs for n in scouts)
    offered = [n for n in scouts if n in order]
    if is_ending(record) or record.spent < WORTH * epochs * (full + 1) or not offered:
        return None
    return offered[int(rng_of(seed, full, 4).integers(len(offered)))]


def _last_to_finish(record: Record, ladder: Ladder) -> int | None:
    """Return a paused trial to train on once the best could not be finished after a first look.

    It is the best that can be finished in the time; if none can be, the best goes as far as it
    does. So each worker finishes a good trial at the end of the time.
    """
    costs, order = record.costs, _by_loss(record, ladder)
    needed = {
        n: costs.start_s + record.epoch_s(n) * (record.budget.epochs - record.curves[n].epoch)
        for n in order
    }
    first_look = costs.start_s + costs.typical_s * ladder.rungs[0]
    if not order or needed[order[0]] <= costs.left_s - first_look:
        return None
    return next((n for n in order if needed[n] <= costs.left_s), order[0])


def _by_loss(record: Record, ladder: Ladder) -> list[int]:
    """Return the paused trials that may win, the best first."""
    curves = record.curves
    paused = [n for n in record.paused if not curves[n].is_void]
    return sorted(paused, key=lambda n: min(curves[n].losses[ladder.since - 1 :], default=np.inf))


def lifted(record: Record, ladder: Ladder) -> int | None:
    """Return a paused trial to bring to the first rung that tells, until enough are there."""
    if ladder.since == 1:
        return None
    first = ladder.rungs[0]
    there = sum(max(c.epoch, c.target or 0) >= first for c in record.curves)
    below = [n for n in record.paused if record.curves[n].epoch < first]
    return below[0] if below and there < ENOUGH else None


def deeper(curves: Sequence[Curve], paused: Sequence[int], rungs: Sequence[int]) -> int | None:
    """Return the paused trial to train on while no rung tells one from another; None to start one.

    Half of the epochs go to the first rung of new trials, half to the rungs above, equally: how
    many epochs it takes until trials differ is unknown, and so is how many of them ever will.
    """
    counts = np.array([c.target or c.epoch for c in curves])
    # Epochs spent, or under way, between each rung and the one below it.
    spent = [
        int(np.clip(counts - low, 0, high - low).sum())
        for low, high in zip([0, *rungs], rungs, strict=False)
    ]
    above = [int(np.searchsorted(rungs, curves[n].epoch, side="right")) for n in paused]
    if not above or spent[0] <= sum(spent[1:]):
        return None
    step = min(above, key=lambda place: (spent[place], -place))
    return paused[above.index(step)]
