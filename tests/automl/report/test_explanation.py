"""Why trials ended, parameter importance, what to try next."""

import json

import pytest
from made import closed, finish, made_experiment, report, start

from automl.errors import UsageError
from automl.report.explanation import explanation
from automl.request.space import parse_searched
from automl.space.parameter import Parameter
from automl.space.space import SearchSpace

SPACE = SearchSpace({"lr": Parameter("lr", "float", 0.1, low=0.0, high=1.0)}, {"lr": 0.1})


def explained(tmp_path, *events, trial=None, **settings):
    experiment = made_experiment(tmp_path / "exp", *events, **settings)
    return explanation(experiment, SPACE, trial=trial)


def trials(count, lr):
    """Return events of trials of which the last, with this rate, is the best."""
    events = []
    for number in range(count):
        is_last = number == count - 1
        events += [start(number, {"lr": lr if is_last else 0.1})]
        events += [report(number, epoch, epoch / 10 * is_last) for epoch in (1, 2, 3)]
        events += [finish(number)]
    return [*events, closed()]


def test_each_trial_says_why_it_began_and_ended(tmp_path):
    stop = {**report(1, 1, 0.1), "decision": "stop", "reason": "rank 3 of 3"}
    text = explained(
        tmp_path,
        start(0, {"lr": 0.1}), report(0, 3, 0.2), finish(0),
        start(1, {"lr": 0.5}, reason="near the best"), stop, finish(1, "stopped"),
        start(2, {"lr": 0.9}), finish(2, "failed", "diverged", "loss is NaN"), closed(),
    ).text()  # fmt: skip
    assert "0000: completed, 0.2000\n        started: the defaults" in text
    assert "trained all of its 3 epochs" in text
    assert "started: near the best\n        stopped at epoch 1 of 3: rank 3 of 3" in text
    assert "failed at epoch 0 of 3 (diverged): loss is NaN; lower the largest learning" in text
    assert "importance needs 4 trials" in text


@pytest.mark.parametrize(
    ("lr", "advice"),
    [(1.0, "lr: the best value 1 is at the high end of its range"), (0.5, "train longer")],
)
def test_the_advice_follows_from_the_results(tmp_path, lr, advice):
    texts = [entry["text"] for entry in explained(tmp_path, *trials(10, lr)).advice]
    assert any(advice in text for text in texts), texts


def test_of_a_few_trials_the_best_says_nothing_of_the_ranges(tmp_path):
    texts = [entry["text"] for entry in explained(tmp_path, *trials(3, 1.0)).advice]
    assert not any("range" in text for text in texts), texts
    assert texts[-1].startswith("few trials")


@pytest.mark.parametrize(
    ("largest", "is_log", "flag"),
    [
        (100, False, "--search 'lr=uniform(0.01,1.99)'"),
        (100, True, "--search 'lr=log(0.01,10)'"),
        (1.5, True, None),
    ],
)
def test_a_best_value_at_an_end_names_a_range_that_goes_on(tmp_path, largest, is_log, flag):
    experiment = made_experiment(tmp_path / "exp", *trials(10, 1.0))
    field = {"type": "number", "default": 0.1, "minimum": 0, "maximum": largest}
    experiment.paths.schema.write_text(json.dumps({"properties": {"lr": field}}))
    lr = Parameter("lr", "float", 0.1, low=0.01, high=1.0, is_log=is_log)
    advice = explanation(experiment, SearchSpace({"lr": lr}, {"lr": 0.1})).advice
    (entry,) = (each for each in advice if each["text"].startswith("lr: the best value 1 is"))
    assert entry["command"] == flag
    if flag is not None:
        parse_searched([flag.split("'")[1]])


def test_a_search_that_failed_says_why_and_one_that_is_not_over_how_to_go_on(tmp_path):
    end = {"event": "closed", "state": "stopped", "reason": "the disk is full"}
    content = explained(tmp_path, start(0), report(0, 1, 0.1), end).to_dict()
    assert content["reason"] == "the disk is full"
    assert content["advice"][0]["command"] == f"automl resume {tmp_path / 'exp'}"


def test_a_trial_that_there_is_not_is_refused(tmp_path):
    with pytest.raises(UsageError, match="--trial: 7 is not one of 0"):
        explained(tmp_path, start(0), trial=7)
