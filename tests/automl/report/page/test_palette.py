"""The colours of the figures stay apart, also for people who see two of the three primaries."""

from itertools import combinations

import numpy as np
import pytest

from automl.report.page.palette import BEST, DARK, DEFAULT, GREY, PAGE, STATES, TEXT

SEEN = {
    "all colours": np.eye(3),
    # Machado, Oliveira and Fernandes 2009, severity 1.
    "no red": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216],
               [-0.003882, -0.048116, 1.051998]],
    "no green": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413],
                 [-0.01182, 0.04294, 0.968881]],
    "no blue": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602],
                [0.004733, 0.691367, 0.3039]],
}  # fmt: skip
MEANINGS = [*STATES.values(), BEST, DEFAULT]
XYZ = [[0.4125, 0.3576, 0.1804], [0.2127, 0.7152, 0.0722], [0.0193, 0.1192, 0.9503]]


def linear(colour):
    """Return the linear red, green and blue of `#rrggbb`, each in 0..1."""
    parts = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    return np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)


def lab(rgb):
    """Return CIELAB of a linear colour."""
    ratios = np.array(XYZ) @ np.clip(rgb, 0, 1) / [0.9505, 1.0, 1.0888]
    x, y, z = np.where(ratios > 0.008856, np.cbrt(ratios), 7.787 * ratios + 16 / 116)
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


def contrast(one, other):
    """Return the contrast of two colours as WCAG defines it, 1 to 21."""
    dark, light = sorted(float(linear(c) @ XYZ[1]) for c in (one, other))
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("eyes", SEEN)
@pytest.mark.parametrize("page", ["light", "dark"])
def test_any_two_meanings_differ_clearly_for_all_eyes(eyes, page):
    colours = MEANINGS if page == "light" else [DARK[colour] for colour in MEANINGS]
    places = [lab(np.array(SEEN[eyes]) @ linear(colour)) for colour in colours]
    assert min(np.linalg.norm(a - b) for a, b in combinations(places, 2)) > 25


@pytest.mark.parametrize("page", ["light", "dark"])
def test_texts_and_marks_stand_out_from_the_page(page):
    at = {c: c for c in (TEXT, GREY, PAGE, *MEANINGS)} if page == "light" else DARK
    assert contrast(at[TEXT], at[PAGE]) > 7
    assert contrast(at[GREY], at[PAGE]) > 4.5
    assert all(contrast(at[c], at[PAGE]) >= 2.2 for c in MEANINGS)
