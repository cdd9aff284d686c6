"""The ends that the models predict for trials, and the trials that they single out."""

from collections.abc import Sequence

import numpy as np

from automl.search.auto.acquisition import Leaders
from automl.search.auto.curves import Curve, times_of
from automl.search.auto.kernel import Array
from automl.search.auto.model import CurveModel

PARENTS = 6
"""Trials near which new candidates are drawn."""


def predicted_ends(
    models: Sequence[CurveModel], curves: Sequence[Curve], trials: Sequence[int], epochs: int
) -> Array:
    """Return the predicted losses of trials after a full training, (models, trials)."""
    if not trials:
        return np.empty((len(models), 0))
    rows = np.stack([curves[n].features for n in trials])
    end = times_of(np.array([epochs], float), epochs)
    return np.stack([model.means(rows, np.array(trials), end)[0] for model in models])


def leaders_of(curves: Sequence[Curve], trials: Sequence[int], ends: Array) -> Leaders | None:
    """Return the two trials of the best predicted ends by one model; None of fewer than two."""
    if len(trials) < 2:
        return None
    first, second = np.argsort(ends, kind="stable")[:2]
    leader = trials[first]
    return Leaders(leader, curves[leader].features, float(ends[first]), float(ends[second]))


def parents_of(curves: Sequence[Curve], trials: Sequence[int], ends: Array) -> list[Curve]:
    """Return the trials of the best predicted ends, and the defaults while they rank well.

    The defaults are an expert's guess: their neighbours are offered until half of the trials
    are expected to end better.
    """
    order = [trials[i] for i in np.argsort(ends.mean(axis=0), kind="stable")]
    parents = order[:PARENTS]
    if 0 in order[PARENTS : len(order) // 2]:
        parents.append(0)
    return [curves[n] for n in parents]
