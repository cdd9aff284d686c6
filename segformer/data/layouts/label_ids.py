"""Class ids of the labels of annotations, and notes on shapes that cover no pixels."""

from collections import Counter
from collections.abc import Iterable

from segformer.data.layouts.base import LabelClass
from segformer.data.layouts.names import is_background, listed

BACKGROUND = LabelClass("background", 0)


def drawn_classes(labels: Iterable[str]) -> tuple[list[LabelClass], dict[str, int]]:
    """Return the classes of labels in their order, from 1 above the background, and their ids.

    A label that is called background has the id 0.
    """
    names = list(dict.fromkeys(labels))
    above = [name for name in names if not is_background(name)]
    ids = {name: label_id for label_id, name in enumerate(above, start=1)}
    ids |= {name: 0 for name in names if is_background(name)}
    return [BACKGROUND, *(LabelClass(name, ids[name]) for name in above)], ids


def left_out(where: object, shapes: Iterable[tuple[str, str]]) -> list[str]:
    """Return a note on shapes that cover no area, each given by its kind and its label."""
    counts = Counter(shapes)
    if not counts:
        return []
    kinds = listed(
        (f"{n} {kind}" + (f" of {label}" if label else "") for (kind, label), n in counts.items()),
        shown=5,
    )
    return [f"{where}: shapes that cover no area are left out: {kinds}"]


def as_background(where: object, count: int, every: int, what: str) -> list[str]:
    """Return a note on images without annotations: all of their pixels are taught as background."""
    if not count:
        return []
    return [
        f"{where}: {count} of {every} images have no {what} and count as background; take out "
        "those that nobody has annotated"
    ]
