import random

import numpy as np
import pytest
from samplers import SPACE

from automl.search.population.explorers import Pb2Explorer, PbtExplorer
from automl.search.population.searcher import Member


def members(*curves):
    return {
        number: Member({"x": 0.2 + 0.1 * number, "n": 2, "c": "a"}, 9, curve)
        for number, curve in enumerate(curves)
    }


def test_numbers_move_by_the_factor_or_its_inverse_or_are_sampled_anew():
    explorer = PbtExplorer(SPACE, factor=1.5, resample=0.0)
    xs = {explorer.explore(0, members({1: 0.5}), seed)["x"] for seed in range(20)}
    assert sorted(xs) == pytest.approx([0.2 / 1.5, 0.2 * 1.5])
    fresh = PbtExplorer(SPACE, resample=1.0)
    assert len({fresh.explore(0, members({1: 0.5}), seed)["x"] for seed in range(20)}) == 20


def test_what_is_kept_stays_and_all_values_are_valid():
    explorer = PbtExplorer(SPACE, kept=["x"])
    copies = [explorer.explore(0, members({1: 0.5}), seed) for seed in range(30)]
    assert {values["x"] for values in copies} == {0.2}
    assert len({(values["n"], values["c"]) for values in copies}) > 1
    assert [fault for values in copies for fault in SPACE.faults(values)] == []


def test_the_global_generators_are_left_as_they_were():
    random.seed(5)
    np.random.seed(5)  # noqa: NPY002
    PbtExplorer(SPACE).explore(0, members({1: 0.5}), 7)
    after = random.random(), np.random.random()  # noqa: NPY002
    random.seed(5)
    np.random.seed(5)  # noqa: NPY002
    assert after == (random.random(), np.random.random())  # noqa: NPY002


def test_pb2_does_as_pbt_while_the_donor_has_one_step():
    perturb = PbtExplorer(SPACE)
    alone = perturb.explore(0, members({1: 0.5}), 3)
    assert Pb2Explorer(SPACE, perturb).explore(0, members({1: 0.5}), 3) == alone


def test_pb2_chooses_numbers_by_its_process_once_there_are_steps():
    perturb = PbtExplorer(SPACE, resample=0.0)
    curves = [{e: 1.0 - 0.1 * e * (n + 1) for e in range(1, 5)} for n in range(3)]
    values = Pb2Explorer(SPACE, perturb).explore(2, members(*curves), 3)
    assert list(SPACE.faults(values)) == []
    assert values["x"] not in (pytest.approx(0.4 * 1.2), pytest.approx(0.4 / 1.2))
