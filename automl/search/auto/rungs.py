"""The rungs at which `auto`'s trials pause, and which of them tell good trials from bad ones."""

import math
from collections.abc import Sequence

import numpy as np

from automl.search.auto.curves import Curve, Ladder, ranks
from automl.search.auto.foretold import MISLEADS, foretells
from automl.search.auto.kernel import Array

FIRST_SHARE = 0.06
"""The first rung as a share of a full training: epoch 3 of 50. On LCBench the ranks after epoch 1
do not predict the last ones (Spearman -0.6 to 0.3), those after epoch 3 do (0.8)."""
FIRST_EPOCHS = 3
"""The least first rung, but at most a third of a shorter training: after one epoch on a small data
set the best scores belong to the lowest learning rates, whose models are still random."""
STEP = 1.5
"""Ratio of one rung to the one before."""
AGREEMENT = 0.8
"""Rank correlation of epoch 1 with the first rung above which epoch 1 takes its place."""
MIN_CURVES = 8
"""Curves needed to trust that correlation."""
ENOUGH = 4
"""Trials that must have reached a rung before it is said to tell nothing."""
WINDOW = 3
"""Epochs up to a rung whose mean loss is compared: it has less jitter than one loss."""
MARGIN = 2.0
"""Jitters by which a loss must lie beyond the best that jitter alone would give."""
RATIO_DEVIATIONS = 4.0
"""Deviations by which a ratio of variances must exceed 1."""
UPSETS, UPSET_SHARE = 2, 0.25
"""Finished trials whose losses have jumped up, and their share of the finished ones, from which on
the losses before are no evidence."""
UPSET_PART = 0.25
"""Part of its gain that a trial loses by a jump."""


def geometric_rungs(epochs: int) -> list[int]:
    """Return the epochs at which trials pause, ascending; the last is the full training.

    50 epochs give 3, 4, 6, 9, 14, 21, 32, 50; 10 give 3, 4, 6, 10; 3 give 1, 2, 3.
    """
    steps = [max(round(FIRST_SHARE * epochs), min(FIRST_EPOCHS, math.ceil(epochs / 3)))]
    while steps[-1] < epochs:
        steps.append(min(epochs, max(steps[-1] + 1, round(steps[-1] * STEP))))
    if len(steps) > 2 and epochs < 1.25 * steps[-2]:
        steps.pop(-2)
    return steps


def first_epochs(curves: Sequence[Curve], steps: Sequence[int]) -> int:
    """Return how long a new trial trains before it is compared: 1 epoch or the first rung.

    If the ranks after epoch 1 agree with those at the first rung, one epoch is enough, and the
    same budget tries several times as many configurations.
    """
    seen = [c.bests[: steps[0]] for c in curves if c.epoch >= steps[0] and not c.is_dead]
    if len(seen) < MIN_CURVES:
        return steps[0]
    by_rank = ranks(np.stack(seen))
    if by_rank.std(axis=0).min() == 0:
        return steps[0]
    agreement = np.corrcoef(by_rank[:, 0], by_rank[:, -1])[0, 1]
    return 1 if agreement >= AGREEMENT else steps[0]


def ladder_of(curves: Sequence[Curve], rungs: Sequence[int]) -> Ladder:
    """Return the rungs from the first one on that is not known to tell nothing.

    While all networks still predict the same, and where what is searched acts late, losses differ
    by their jitter alone: their order is no evidence of quality. Nor is it where the trials that
    were trained in full contradict it.
    """
    upset = _upset(curves, rungs)
    left = [rung for rung in rungs if rung > upset]
    while len(left) > 1 and not _may_tell(curves, rungs, left[0]):
        left.pop(0)
    first = left[0]
    known = foretells(curves, rungs, first)
    if first == rungs[0]:
        return Ladder(left, first_epochs(curves, rungs), foretells=known)
    is_blind = not tells(curves, first)
    return Ladder(left, rungs[0] if is_blind else first, first, is_blind, known)


def _may_tell(curves: Sequence[Curve], rungs: Sequence[int], rung: int) -> bool:
    """Whether nothing is known against a rung: trials alike, or another order later."""
    return tells(curves, rung) is not False and foretells(curves, rungs, rung) >= MISLEADS


def tells(curves: Sequence[Curve], rung: int) -> bool | None:
    """Whether trials differ at a rung by more than jitter explains; None if too few reached it.

    If most of those that were ahead and trained on only lost their lead, they had learned nothing:
    an untrained network may score more than one that has learned to predict the commonest class.
    """
    there = [c for c in curves if c.epoch >= rung and math.isfinite(c.losses[rung - 1])]
    if len(there) < 2:
        return None
    levels = np.array([_level(c, rung) for c in there])
    # The better half alone: diverged trials differ, whatever the others have learned.
    leads = float(np.median(levels)) - levels
    jitters = [_jitter(c) for c, lead in zip(there, leads, strict=True) if lead >= 0]
    jitter = float(np.mean(jitters)) / min(rung, WINDOW) ** 0.5
    # The least of n normal variables is about sqrt(2 log n) deviations below their mean.
    reach = (math.sqrt(2 * math.log(len(there))) + MARGIN) * jitter
    ahead = [c for c, lead in zip(there, leads, strict=True) if lead > reach]
    went_on = [c for c in ahead if c.epoch > rung]
    bound = float(np.median(levels)) - reach
    if ahead and 2 * sum(_has_lost(c, rung, bound) for c in went_on) <= len(went_on):
        return True
    # A ratio of variances is 1 by jitter alone, with a deviation of about sqrt(2 / (n - 1)).
    ratio = 1 + RATIO_DEVIATIONS * math.sqrt(2 / (len(there) - 1))
    if not ahead and float(np.mean(leads[leads >= 0] ** 2)) > ratio * jitter**2 > 0:
        return True
    return False if len(there) >= ENOUGH else None


def _has_lost(curve: Curve, rung: int, bound: float) -> bool:
    """Whether a trial never improved after a rung and is not below a bound any more.

    One that improved and then overfits has its best checkpoint.
    """
    goal = _level(curve, rung) - MARGIN * _jitter(curve)
    return min(curve.losses[rung:]) >= goal and _level(curve, curve.epoch) >= bound


def _upset(curves: Sequence[Curve], rungs: Sequence[int]) -> int:
    """Return the epoch after which losses of finished trials jumped up for good; 0 if none did.

    Such a step is larger than the differences between trials at the first rung and than a quarter
    of what was gained since, as if a schedule had reversed what was good. A slow rise is another
    matter: its best checkpoint is from before.
    """
    full = [c for c in curves if c.epoch == rungs[-1] and all(map(math.isfinite, c.losses))]
    if len(full) < UPSETS:
        return 0
    spread = _spread([c.losses[rungs[0] - 1] for c in curves if c.epoch >= rungs[0]])
    epochs = [epoch for c in full if (epoch := _jump(c, rungs[0], spread))]
    is_common = len(epochs) >= max(UPSETS, UPSET_SHARE * len(full))
    return min(epochs) if is_common else 0


def _jump(curve: Curve, rung: int, size: float) -> int:
    """Return the last epoch before the largest lasting rise after a rung, 0 if that is small."""
    losses = np.asarray(curve.losses[rung - 1 :])
    if len(losses) < 2:
        return 0
    lowest_after = np.minimum.accumulate(losses[::-1])[::-1]
    rises = lowest_after[1:] - losses[:-1]
    place = int(np.argmax(rises))
    gained = losses[0] - losses[place]
    return rung + place if gained > 0 and rises[place] > max(size, UPSET_PART * gained) else 0


def _spread(losses: Sequence[float]) -> float:
    """Return the distance of the quartiles, infinite of too few losses."""
    finite = [loss for loss in losses if math.isfinite(loss)]
    if len(finite) < ENOUGH:
        return math.inf
    return float(np.subtract(*np.quantile(finite, (0.75, 0.25))))


def _level(curve: Curve, epoch: int) -> float:
    """Return the mean loss of the last epochs up to one, infinite if the last is."""
    losses = np.asarray(curve.losses[max(0, epoch - WINDOW) : epoch])
    return float(losses[np.isfinite(losses)].mean()) if math.isfinite(losses[-1]) else math.inf


def _jitter(curve: Curve) -> float:
    """Return the deviation of a curve's noise: what it moves against its own trend.

    White noise of deviation 1 moves by 1 / sqrt(pi) = 0.564 an epoch in each direction; of the
    lesser of the two a curve of n steps has (n - 1) / n.
    """
    losses: Array = np.asarray(curve.losses)
    steps = np.diff(losses[np.isfinite(losses)])
    if len(steps) < 2:
        return 0.0
    up, down = steps[steps > 0].sum(), -steps[steps < 0].sum()
    return float(min(up, down)) / (len(steps) - 1) * math.sqrt(math.pi)
