"""Comparing losses of one or several objectives: less is better, what is not finite is nothing."""

import math
from collections.abc import Hashable, Mapping, Sequence
from typing import TypeVar

Loss = tuple[float, ...]
"""One number an objective, each to be minimised."""

K = TypeVar("K", bound=Hashable)


def is_finite(loss: Loss) -> bool:
    """Whether every objective has a value."""
    return all(math.isfinite(part) for part in loss)


def dominates(loss: Loss, other: Loss) -> bool:
    """Whether a loss is nowhere worse than another and somewhere better."""
    return loss != other and all(a <= b for a, b in zip(loss, other, strict=True))


def fronts(losses: Mapping[K, Loss]) -> list[list[K]]:
    """Return the keys in layers: the Pareto front, then the front of the rest, and so on.

    Losses that are not finite are in none.
    """
    left = {key: loss for key, loss in losses.items() if is_finite(loss)}
    layers: list[list[K]] = []
    while left:
        front = [
            k for k, loss in left.items() if not any(dominates(o, loss) for o in left.values())
        ]
        layers.append(front)
        for key in front:
            del left[key]
    return layers


def ranked(losses: Mapping[K, Loss]) -> list[K]:
    """Return the keys best first; of one front the lonelier ones first, then the earlier.

    With one objective this is the order of its values. Losses that are not finite are left out.
    """
    if all(len(loss) == 1 for loss in losses.values()):
        finite = [key for key, loss in losses.items() if is_finite(loss)]
        return sorted(finite, key=lambda key: losses[key])
    order: list[K] = []
    for front in fronts(losses):
        gaps = _crowding([losses[key] for key in front])
        order += [front[i] for i in sorted(range(len(front)), key=lambda i: -gaps[i])]
    return order


def standing(key: K, losses: Mapping[K, Loss]) -> str:
    """Return `rank 2 of 8` of a key among losses."""
    order = ranked(losses)
    if key not in order:
        return f"no finite value, {len(order)} others have one"
    return f"rank {order.index(key) + 1} of {len(order)}"


def _crowding(losses: Sequence[Loss]) -> list[float]:
    """Return how far each loss is from its neighbours (Deb et al., 2002, NSGA-II)."""
    gaps = [0.0] * len(losses)
    for axis in range(len(losses[0])):
        order = sorted(range(len(losses)), key=lambda i: losses[i][axis])
        width = losses[order[-1]][axis] - losses[order[0]][axis]
        gaps[order[0]] = gaps[order[-1]] = math.inf
        for before, here, after in zip(order, order[1:], order[2:], strict=False):
            if width > 0:
                gaps[here] += (losses[after][axis] - losses[before][axis]) / width
    return gaps


def better(loss: Loss, than: Loss | None) -> Loss:
    """Return the better of a trial's losses; with several objectives the later of two equals."""
    if than is None or not is_finite(than):
        return loss
    if not is_finite(loss):
        return than
    return loss if ranked({0: loss, 1: than})[0] == 0 else than
