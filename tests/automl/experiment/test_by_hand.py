import json

import pytest
from made import closed, finish, made_experiment, report, start

from automl.errors import UsageError
from automl.experiment.by_hand import check_stop, values_to_add
from automl.experiment.requests import HandRequest, ask_to_add, ask_to_stop, forget, pending
from automl.space.space import Parameter, SearchSpace

SPACE = SearchSpace(
    {
        "optim.lr": Parameter("optim.lr", "float", 0.01, low=1e-4, high=1.0, is_log=True),
        "optim.name": Parameter("optim.name", "categorical", "sgd", choices=("sgd", "adam")),
        "rotate.on": Parameter("rotate.on", "bool", False, choices=(False, True)),
        "rotate.p": Parameter("rotate.p", "float", 0.5, high=1.0,
                              active_when=({"rotate.on": True},)),
        "size": Parameter("size", "int", 4, low=1, high=9),
    },
    {},
)  # fmt: skip
DEFAULTS = {"optim.lr": 0.01, "optim.name": "sgd", "rotate.on": False, "size": 4}
OTHER = {**DEFAULTS, "rotate.on": True, "rotate.p": 0.9, "size": 7}


@pytest.fixture
def experiment(tmp_path):
    return made_experiment(tmp_path / "e", start(0, DEFAULTS), finish(0), start(1, OTHER))


def test_values_that_are_not_given_are_the_defaults(experiment):
    assert values_to_add(experiment, SPACE, {"lr": 0.1}) == {**DEFAULTS, "optim.lr": 0.1}


def test_values_that_are_not_given_are_those_of_a_trial(experiment):
    values = values_to_add(experiment, SPACE, {"optim.name": "adam"}, like=1)
    assert values == {**OTHER, "optim.name": "adam"}


def test_a_switch_that_is_turned_off_takes_what_depends_on_it_along(experiment):
    values = values_to_add(experiment, SPACE, {"on": False, "size": 9}, like=1)
    assert values == {**DEFAULTS, "size": 9}


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"lrr": 1}, "lrr: is not searched; did you mean"),
        ({"lr": 3}, r"optim.lr: 3 is not allowed: must be a number from 0.0001 to 1"),
        ({"size": 2.5}, "size: 2.5 is not allowed: must be a whole number from 1 to 9"),
        ({"name": "lion"}, "optim.name: 'lion' is not allowed: must be one of sgd, adam"),
        ({"p": 0.2}, "rotate.p: has no effect beside the other values"),
        ({}, "trial 0 has these values; change one"),
    ],
)
def test_values_that_cannot_be_tried_are_one_line_each(experiment, given, message):
    with pytest.raises(UsageError, match=message):
        values_to_add(experiment, SPACE, given)


def test_all_wrong_values_are_named_at_once(experiment):
    with pytest.raises(UsageError) as raised:
        values_to_add(experiment, SPACE, {"lr": 3, "size": 0})
    assert [fault.key for fault in raised.value.faults] == ["optim.lr", "size"]


def test_an_unknown_trial_to_take_values_from_is_refused(experiment):
    with pytest.raises(UsageError, match=r"--like 9: there is no such trial; there are 0 to 1"):
        values_to_add(experiment, SPACE, {}, like=9)


def test_a_population_takes_no_trial(tmp_path):
    experiment = made_experiment(tmp_path / "e", start(0), algorithm="pbt")
    with pytest.raises(UsageError, match="pbt makes each trial of another"):
        values_to_add(experiment, SPACE, {"lr": 0.1})


def test_a_search_that_is_over_takes_no_trial_and_stops_none(tmp_path):
    experiment = made_experiment(tmp_path / "e", start(0), report(0, 1, 0.5), finish(0), closed())
    for ask in (lambda: values_to_add(experiment, SPACE, {}), lambda: check_stop(experiment, 0)):
        with pytest.raises(UsageError, match="its search is over"):
            ask()


def test_only_a_trial_that_has_not_ended_can_be_stopped(experiment):
    check_stop(experiment, 1)
    with pytest.raises(UsageError, match=r"it has ended \(completed\); trials .* stopped: 1"):
        check_stop(experiment, 0)
    with pytest.raises(UsageError, match="there is no such trial"):
        check_stop(experiment, 5)


def test_requests_wait_in_the_order_in_which_they_were_made(experiment):
    paths = experiment.paths
    first, second = ask_to_stop(paths, 1), ask_to_add(paths, DEFAULTS)
    assert list(pending(paths)) == [first, second]
    forget(paths, first.id)
    assert [one["action"] for one in experiment.to_dict()["requests"]] == ["add"]


@pytest.mark.parametrize(
    "text", [b"", b"[]", b'{"action": "stop", "trial": "1"}', b'{"action": "fly"}', b"[" * 99999,
             json.dumps({"action": "add", "values": 3}).encode()],
)  # fmt: skip
def test_a_file_that_is_no_request_has_a_fault(text):
    assert HandRequest.from_text("x", text).fault
