"""Metrics by class as a table: one row a class, one column a measure."""

import textwrap
from collections import defaultdict
from collections.abc import Mapping
from os.path import commonprefix

from automl.formats import score, table

_WIDTH = 78
"""Characters of a line; a terminal of 80 columns does not break it."""


def metric_lines(metrics: Mapping[str, float], *, indent: str = "  ") -> list[str]:
    """Return metrics as lines: those by class as a table, the others one after another."""
    measures, classes = _by_class(tuple(metrics))
    lines = []
    if measures:
        names = [name.rstrip("_") for name in _without_common_prefix(measures)]
        cells = [
            [label, *(score(metrics[measure + label]) for measure in measures)] for label in classes
        ]
        lines = table([["class", *names], *cells], indent=indent)
    in_table = {measure + label for measure in measures for label in classes}
    others = ", ".join(f"{k}\0{score(v)}" for k, v in metrics.items() if k not in in_table)
    wrapped = textwrap.wrap(others, _WIDTH - len(indent), break_on_hyphens=False)
    # The zero keeps a name and its value on one line.
    return [*lines, *(indent + line.replace("\0", " ") for line in wrapped)]


def _by_class(names: tuple[str, ...]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the measures and classes whose names, joined, are most of the names.

    `test_iou_road`, `test_iou_sky`, `test_f1_road` and `test_f1_sky` are two measures of two
    classes. Both are empty if no two measures have the same classes.
    """
    ends: dict[str, list[str]] = defaultdict(list)
    for name in names:
        for place, letter in enumerate(name):
            if letter == "_":
                ends[name[: place + 1]].append(name[place + 1 :])
    measures: dict[tuple[str, ...], list[str]] = defaultdict(list)
    for start, labels in ends.items():
        if len(labels) > 1:
            measures[tuple(labels)].append(start)
    tables = {labels: starts for labels, starts in measures.items() if len(starts) > 1}
    if not tables:
        return (), ()
    classes = max(tables, key=lambda labels: len(labels) * len(tables[labels]))
    return tuple(tables[classes]), classes


def _without_common_prefix(names: tuple[str, ...]) -> list[str]:
    common = commonprefix(names)
    common = common[: common.rfind("_") + 1]
    return [name[len(common) :] for name in names]
