from samplers import SPACE, tried

from automl.search.proposers.random import RandomProposer


def test_a_sample_depends_on_the_seed_and_the_trial_alone():
    first, second = RandomProposer(SPACE, seed=3), RandomProposer(SPACE, seed=3)
    tried(first, 5)
    assert first.suggest(7) == second.suggest(7)
    assert first.suggest(7) != second.suggest(7, attempt=1)
    assert first.suggest(7) != RandomProposer(SPACE, seed=4).suggest(7)


def test_samples_reach_all_of_the_space():
    suggestions = tried(RandomProposer(SPACE, seed=0), 200)
    assert [fault for values in suggestions for fault in SPACE.faults(values)] == []
    assert {(v["n"], v["c"]) for v in suggestions} == {(n, c) for n in (1, 2, 3, 4) for c in "ab"}
    assert min(v["x"] for v in suggestions) < 0.05 and max(v["x"] for v in suggestions) > 0.95
