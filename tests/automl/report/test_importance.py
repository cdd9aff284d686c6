import pytest
from made import finish, made_experiment, report, start
from spaces import build, real

from automl.errors import UsageError
from automl.report.importance import (
    METHODS,
    importance,
    importance_intervals,
    write_importance,
)


@pytest.fixture
def space():
    return build({"a": real(0.5, 0.0, 1.0), "b": real(0.5, 0.0, 1.0)})


def searched(root, scores):
    """Return an experiment whose scores follow from the parameter a alone."""
    events = [
        event
        for n, score in enumerate(scores)
        for event in (
            start(n, {"a": score, "b": (7 * n % 10) / 10}), report(n, 1, score), finish(n)
        )
    ]  # fmt: skip
    return made_experiment(root / "exp", *events)


@pytest.mark.parametrize("method", METHODS)
def test_the_parameter_that_decides_comes_first(tmp_path, space, method):
    shares = importance(searched(tmp_path, [n / 20 for n in range(20)]), space, method=method)
    assert next(iter(shares)) == "a" and shares["a"] > 0.8
    assert sum(shares.values()) == pytest.approx(1)


@pytest.mark.parametrize(
    ("scores", "message"),
    [
        ([0.1, 0.2, 0.3], "importance needs 4 trials with a result; there are 3"),
        ([0.5] * 6, "all 6 trials have the same result: no parameter matters"),
    ],
)
def test_too_few_trials_and_equal_ones_are_refused(tmp_path, space, scores, message):
    with pytest.raises(UsageError, match=message):
        importance(searched(tmp_path, scores), space)


def test_an_unknown_method_is_refused(tmp_path, space):
    with pytest.raises(UsageError, match="--method: 'anova' is not one of fanova, ped-anova"):
        importance(searched(tmp_path, [0.1]), space, method="anova")


def test_each_share_has_an_interval_that_is_written_beside_it(tmp_path, space):
    experiment = searched(tmp_path, [n / 20 for n in range(20)])
    write_importance(experiment, space)
    intervals = experiment.importance_intervals
    assert intervals.keys() == experiment.importance.keys()
    assert all(0 <= low <= high <= 1 for low, high in intervals.values())
    assert any(low < high for low, high in intervals.values())
    assert intervals == importance_intervals(experiment, space)


def test_few_trials_have_shares_without_intervals(tmp_path, space):
    experiment = searched(tmp_path, [n / 20 for n in range(9)])
    write_importance(experiment, space)
    assert experiment.importance and experiment.importance_intervals == {}
