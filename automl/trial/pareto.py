"""Compares losses of one or several objectives: less is better, NaN and infinity are no loss."""

import math
from collections.abc import Hashable, Iterator, Mapping, Sequence
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


def front(losses: Mapping[K, Loss]) -> list[K]:
    """Return the keys that no other dominates, in the order of the mapping.

    Losses that are not finite are left out.
    """
    finite = {key: loss for key, loss in losses.items() if is_finite(loss)}
    kept: dict[K, Loss] = {}
    # In this order nothing dominates what comes before it, so only what was kept can dominate.
    for key in sorted(finite, key=lambda key: finite[key]):
        if not any(dominates(other, finite[key]) for other in kept.values()):
            kept[key] = finite[key]
    return [key for key in finite if key in kept]


def fronts(losses: Mapping[K, Loss]) -> Iterator[list[K]]:
    """Yield the keys in layers: the Pareto front, then the front of the rest, and so on."""
    left = dict(losses)
    while layer := front(left):
        yield layer
        for key in layer:
            del left[key]


def ranked(losses: Mapping[K, Loss]) -> list[K]:
    """Return the keys best first; of one front the lonelier ones first, then the earlier.

    With one objective this is the order of its values. Losses that are not finite are left out.
    """
    if all(len(loss) == 1 for loss in losses.values()):
        finite = [key for key, loss in losses.items() if is_finite(loss)]
        return sorted(finite, key=lambda key: losses[key])
    order: list[K] = []
    for layer in fronts(losses):
        gaps = _crowding([losses[key] for key in layer])
        order += [layer[i] for i in sorted(range(len(layer)), key=lambda i: -gaps[i])]
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
    """Return the better of two losses of a trial; with several objectives the later of equals."""
    if than is None or not is_finite(than):
        return loss
    if not is_finite(loss):
        return than
    return loss if ranked({0: loss, 1: than})[0] == 0 else than
