"""Signs that values or colours of masks are no classes, but traces of how the masks were saved."""

from collections import Counter
from collections.abc import Collection, Mapping
from itertools import combinations

import numpy as np

Colour = tuple[int, int, int]

_RARE = 0.001
"""A class with a smaller share of the pixels may be noise."""
_SHOWN = 5
_LEAST_MIXTURES = 3
_FEWER = 10
"""A mixture is this many times rarer than both of the colours that it lies between."""
_FEWER_VALUES = 4
"""The same of a grey, which lies all over between black and white besides."""
_NEAR = 4.0
"""The distance from the line between two colours that rounding explains."""
_NEARLY_WHITE = 250
_STEPS = 8
_IGNORED = 255
_LEAST_MASKS = 3
_LEAST_OBJECTS = 6
"""Fewer masks that differ, or fewer values, say nothing of objects."""
_EIGHTH = 32
_WAY_OUT = "save the masks without smoothing (nearest neighbour), or list the classes in"


def rare_line(pixels: Mapping[str, int]) -> str:
    """Return the line on classes with hardly any pixels, given the pixels by name, if any."""
    total = max(1, sum(pixels.values()))
    shares = {name: count / total for name, count in pixels.items() if count < _RARE * total}
    if not shares:
        return ""
    shown = [f"{name} {share:.2g}" for name, share in list(shares.items())[:_SHOWN]]
    more = ", ..." if len(shares) > _SHOWN else ""
    return (
        f"{len(shares)} of the {len(pixels)} classes have less than {_RARE} of the pixels "
        f"({', '.join(shown)}{more}): if these are no classes, {_WAY_OUT} dataset.json"
    )


def softened_line(pixels: Mapping[Colour, int]) -> str:
    """Return the line on colours that are mixtures of two others each, if more than those are.

    Few mixtures say nothing: the colours of PASCAL VOC lie between each other, too.
    """
    mixtures = [colour for colour in pixels if _is_mixture(colour, pixels)]
    if len(mixtures) < max(_LEAST_MIXTURES, len(pixels) - len(mixtures) + 1):
        return ""
    plain = ", ".join(str(list(each)) for each in sorted({*pixels} - {*mixtures})[:_SHOWN])
    return (
        f"masks hold {len(pixels)} colours, of which {len(mixtures)}, such as "
        f"{list(min(mixtures))}, are rare mixtures of two others, as at softened edges; the others "
        f"are {plain}: {_WAY_OUT} dataset.json"
    )


def softened_values_line(pixels: Mapping[int, int]) -> str:
    """Return the line on greys of softened edges between black and white, if values are those.

    They are rarer than both and lie in each eighth of the greys, as numbers of classes do not.
    """
    black = pixels.get(0, 0)
    white = sum(count for value, count in pixels.items() if value >= _NEARLY_WHITE)
    between = {v: count for v, count in pixels.items() if 0 < v < _NEARLY_WHITE}
    is_everywhere = len({value // _EIGHTH for value in between}) == 256 // _EIGHTH
    if not is_everywhere or min(black, white) < _FEWER_VALUES * max(between.values()):
        return ""
    return (
        f"masks hold {len(pixels)} values, of which all but black and white are rare and lie all"
        f" over between them, as at softened edges: {_WAY_OUT} dataset.json"
    )


def are_stretched(held: Collection[frozenset[int]]) -> bool:
    """Whether each mask has its values spread evenly from 0 to white, and all together have not.

    `held` are the values of each mask. Such masks were stretched one by one, to be looked at.
    """
    of_several = [values for values in held if len(values) > 1]
    every = frozenset[int]().union(*of_several)
    if not of_several or _is_even(every, len(every)):  # Of all classes one may be missing.
        return False
    return all(_is_even(values, _STEPS) for values in of_several)


def are_of_objects(held: Collection[frozenset[int]]) -> bool:
    """Whether values seem to count the objects of each mask, and not to be classes.

    `held` are the values of each mask. Beside the background, each has 1, 2, ... without a gap, up
    to another number, or none has a value of another.
    """
    above = {values - {0, _IGNORED} for values in held} - {frozenset()}
    every = Counter(value for values in above for value in values)
    if len(above) < _LEAST_MASKS or len(every) < _LEAST_OBJECTS:
        return False
    is_counted = all(values == {*range(1, len(values) + 1)} for values in above)
    return is_counted or max(every.values()) == 1


def _is_even(values: frozenset[int], most: int) -> bool:
    """Whether values are some of the k / n of the largest, which is white, for n up to `most`."""
    white = max(values)
    if white < _NEARLY_WHITE or white > 255:
        return False
    return any(
        all(abs(v * n - round(v * n / white) * white) <= n / 2 for v in values)
        for n in range(1, most + 1)
    )


def _is_mixture(colour: Colour, pixels: Mapping[Colour, int]) -> bool:
    often = [c for c, count in pixels.items() if count >= _FEWER * pixels[colour]]
    return any(_is_between(colour, *ends) for ends in combinations(often, 2))


def _is_between(colour: Colour, start: Colour, end: Colour) -> bool:
    here, line = (np.subtract(each, start).astype(float) for each in (colour, end))
    share = float(here @ line) / float(line @ line)
    return 0 < share < 1 and float(np.linalg.norm(here - share * line)) <= _NEAR
