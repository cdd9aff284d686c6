"""What the public functions are given: Python checks no types, and a traceback helps nobody."""

from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import pytest

import automl
from automl.api.arguments import checked


@checked
def called(
    place: str | Path,
    number: int | None = None,
    *,
    share: float = 0.5,
    is_on: bool = False,
    to: str | Iterable[str] | None = None,
    callbacks: Iterable[Callable[[int], object]] = (),
    **options: int,
):
    return place, number, share, is_on, to, options


@pytest.mark.parametrize(
    ("named", "fault"),
    [
        ({"place": 3}, "place: 3 is not allowed: must be a path"),
        ({"place": " "}, "place: ' ' is not allowed: must be a path"),
        ({"number": "x"}, "number: 'x' is not allowed: must be a whole number or None"),
        ({"number": True}, "number: True is not allowed: must be a whole number or None"),
        ({"share": "x"}, "share: 'x' is not allowed: must be a number"),
        ({"is_on": 1}, "is_on: 1 is not allowed: must be True or False"),
        ({"to": 3}, "to: 3 is not allowed: must be a text that is not empty or a list of texts or"),
        ({"to": ["a", 3]}, "to: ['a', 3] is not allowed"),
        ({"to": {"a": 1}}, "to: {'a': 1} is not allowed"),
        ({"callbacks": 3}, "callbacks: 3 is not allowed: must be a list of functions"),
        ({"callbacks": [3]}, "callbacks: [3] is not allowed"),
    ],
)
def test_an_argument_of_another_type_is_one_line(named, fault):
    with pytest.raises(automl.UsageError) as caught:
        called(**{"place": "here", **named})
    (line,) = caught.value.faults
    assert line.startswith(fault) and (line.key,) == tuple(named)


def test_all_faults_are_named_at_once():
    with pytest.raises(automl.UsageError) as caught:
        called(3, "x", share="y")
    assert [fault.key for fault in caught.value.faults] == ["place", "number", "share"]


def test_what_fits_is_passed_on_and_numbers_of_numpy_are_pythons():
    given = called(Path("here"), np.int64(3), share=np.float32(0.5), to=("a", "b"), more=1)
    assert given == (Path("here"), 3, 0.5, False, ("a", "b"), {"more": 1})
    assert type(given[1]) is int and type(given[2]) is float
    assert called("here", share=1, to=(text for text in "ab"))[2] == 1


@pytest.mark.parametrize(
    "call",
    [
        lambda: automl.data.show(3),
        lambda: automl.data.show("data", skill=3),
        lambda: automl.Experiment.load(None),
        lambda: automl.run(3),
        lambda: automl.run(callbacks=3),
        lambda: automl.iterate(3),
        lambda: automl.show_leaderboard(3),
    ],
)
def test_the_public_functions_check_what_they_are_given(call):
    with pytest.raises(automl.UsageError, match="is not allowed: must be "):
        call()
