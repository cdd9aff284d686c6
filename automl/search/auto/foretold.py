"""Whether the early order of trials foretells the later one, as a search learns it.

A model proposes, and gains promote, what looks good early: among those trials nothing contradicts
the early order. So it is learned from trials that were drawn without a model, and some of these
that look bad train on, the scouts.
"""

import math
from collections.abc import Sequence

import numpy as np
from scipy.special import ndtri

from automl.search.auto.candidates import DRAWN_EVERY, OPENING
from automl.search.auto.curves import Curve, Ladder, ranks
from automl.search.auto.kernel import Array
from automl.search.auto.record import Record
from automl.search.seeds import rng_of

EXPECTED, EXPECTED_TRIALS = 0.8, 4
"""The correlation that is expected, and the number of trials as many as which this counts."""
MIN_TRIALS = 4
"""Trials from which on a correlation is taken."""
MOST = 0.95
"""The largest correlation that is read off: of few trials it may be 1 by chance."""
MISLEADS = 0.55
"""A rung whose order correlates less with a later one is left out. Of 25 random trials, 5 to 7 of
which train on, it is less on LCBench and TaskSet in one case of fifty."""
SURE = 0.75
"""A correlation from which on the early order is trusted."""
SCOUTS = 2
"""Scouts from which on a correlation may be sure."""
SHARE, SHARE_IN_DOUBT = 0.1, 0.3
"""Part of the epochs that scouts may take, and while the order is not trusted."""
KEPT_TRAININGS = 2
"""Full trainings at the end of a search in which nothing is learned for later."""


def is_drawn(trial: int) -> bool:
    """Whether a trial was drawn without a model."""
    return trial < OPENING or trial % DRAWN_EVERY == 0


def foretells(curves: Sequence[Curve], rungs: Sequence[int], rung: int) -> float:
    """Return the correlation of the order at a rung with the order at later rungs, the lowest.

    It falls with time, so a later rung that says less comes nearer to the end. 1 at the last rung.
    """
    there = [c for n, c in enumerate(curves) if is_drawn(n) and c.epoch >= rung and not c.is_void]
    early = _scores([c.bests[rung - 1] for c in there])
    above = [later for later in rungs if later > rung]
    return min((_correlation(there, early, later) for later in above), default=1.0)


def worse_half(record: Record, ladder: Ladder) -> list[int]:
    """Return the trials drawn without a model that are of the worse half at the first rung."""
    curves, first = record.curves, ladder.rungs[0]
    there = [n for n, c in enumerate(curves) if is_drawn(n) and c.epoch >= first and not c.is_void]
    there.sort(key=lambda n: curves[n].bests_from(ladder.since)[first - ladder.since])
    return there[len(there) // 2 :]


def scout(record: Record, ladder: Ladder, *, seed: int) -> int | None:
    """Return a paused trial of the worse half to take to the middle rung; None if none is due."""
    rungs, curves = ladder.rungs, record.curves
    first, middle = rungs[0], rungs[len(rungs) // 2]
    if middle == first or len(curves) < OPENING or is_ending(record):
        return None
    worse = worse_half(record, ladder)
    short = [n for n in worse if max(curves[n].epoch, curves[n].target or 0) < middle]
    scouts, is_sure = len(worse) - len(short), ladder.foretells >= SURE
    share = SHARE if is_sure else SHARE_IN_DOUBT
    if is_sure and scouts >= SCOUTS or (scouts + 1) * (middle - first) > share * record.spent:
        return None
    paused = set(record.paused)
    offered = [n for n in short if n in paused]
    return offered[int(rng_of(seed, len(short), 3).integers(len(offered)))] if offered else None


def is_ending(record: Record) -> bool:
    """Whether the search is too near its end to learn for later."""
    kept = KEPT_TRAININGS * record.budget.epochs
    is_late = record.left is not None and record.left < kept
    return is_late or (record.is_timed and record.costs.left_s < kept * record.costs.typical_s)


def _correlation(there: Sequence[Curve], early: Array, later: int) -> float:
    """Return the correlation of early scores with the losses at a later epoch.

    The trials that got there were selected by their early scores; the correlation of all follows
    from theirs by the two deviations (Thorndike, 1949, case 2). It is averaged with the expected
    one on Fisher's scale, by the numbers of trials.
    """
    places = [place for place, c in enumerate(there) if c.epoch >= later]
    if len(places) < MIN_TRIALS:
        return EXPECTED
    late = _scores([there[place].bests[later - 1] for place in places])
    kept = early[places]
    if min(kept.std(), late.std()) < 1e-9:
        return EXPECTED
    seen = float(np.clip(np.corrcoef(kept, late)[0, 1], -MOST, MOST))
    wider = float(early.std() / kept.std())
    of_all = float(np.clip(seen * wider / math.sqrt(1 + seen**2 * (wider**2 - 1)), -MOST, MOST))
    total = EXPECTED_TRIALS * math.atanh(EXPECTED) + len(places) * math.atanh(of_all)
    return math.tanh(total / (EXPECTED_TRIALS + len(places)))


def _scores(losses: Sequence[float]) -> Array:
    """Return the normal scores of ranks."""
    places = (ranks(np.array(losses, dtype=np.float64)) + 0.5) / max(len(losses), 1)
    return np.asarray(ndtri(places), dtype=np.float64)
