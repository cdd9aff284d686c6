"""The epochs of a full training follow from the time, if the user does not say them."""

import pytest
import toy_skill

from automl.errors import UsageError
from automl.experiment.resources import Resources
from automl.plan.epochs import chosen_epochs, is_for_one_each
from automl.plan.plan import plan_from_request
from automl.request.request import Request
from automl.request.search import SearchRequest
from automl.schema.spec import value_at
from automl.trial.budget import UNLIMITED, Budget

TIMED = SearchRequest(time="100s")
PACE = {"start_s": 0.0, "epoch_s": 1.0}


@pytest.fixture
def plan_of(tmp_path, toy_data, monkeypatch):
    """Return a function: the plan of a toy search whose epochs take 2 s."""

    def pace(self, spec, *, threads, at_once):
        assert threads >= 1 and at_once <= 4
        if spec["train"]["width"] == 13:
            raise toy_skill.ToyError("out_of_memory", "too wide")
        return {"start_s": 4.0, "epoch_s": 2.0 / threads}

    def make(search=TIMED, say=lambda _text: None, **changes):
        plain = {"skill": "toy", "data": str(toy_data), "out": tmp_path / "exp", "tracker": "none",
                 "resources": Resources(runner="local"), "search": search}  # fmt: skip
        return plan_from_request(Request(**{**plain, **changes}), say=say)

    monkeypatch.setattr(toy_skill.ToySkill, "pace", pace, raising=False)
    return make


def test_only_a_measurement_is_announced(plan_of):
    said = []
    plan_of(say=said.append)
    plan_of(SearchRequest(time="100s", epochs=3), say=said.append)
    assert said == ["timing the start and a few steps of a training, to choose the epochs for "
                    "--time"]  # fmt: skip


def budget(seconds, *, trials=UNLIMITED, epochs=None):
    return Budget(trials, 10, epochs, time_s=seconds)


@pytest.mark.parametrize(
    ("seconds", "workers", "expected"),
    [
        (30, 1, 27),
        (100, 1, 50),
        (1000, 1, 112),
        (15, 2, 13),
        (5, 2, 4),
        (8, 1, 7),
        (1, 4, 1),
        (0.1, 1, 1),
    ],
)
def test_longer_times_give_longer_trainings_and_more_of_them(seconds, workers, expected):
    assert chosen_epochs(budget(seconds), PACE, workers=workers) == expected


def test_the_start_of_a_training_is_no_time_for_epochs():
    slow = {"start_s": 20.0, "epoch_s": 1.0}
    assert [chosen_epochs(budget(time), slow, workers=1) for time in (30, 25, 10)] == [9, 4, 1]


def test_few_trials_and_a_budget_of_epochs_change_the_length():
    assert chosen_epochs(budget(1000, trials=3), PACE, workers=1) == 300
    assert chosen_epochs(budget(1000, epochs=100), PACE, workers=1) == 50


def test_a_time_without_epochs_chooses_them_in_the_spec_and_says_so(plan_of):
    plan = plan_of()
    assert plan.settings.budget.epochs == value_at(plan.settings.spec, "train.epochs") == 39
    assert plan.notes[-1].startswith(
        "39 epochs a training, chosen for --time 1 min 40 s: the start takes about 4 s and an epoch"
        " 2 s, measured, so that about 48 fit in"
    )
    assert plan.settings.pace == {"start_s": 4.0, "epoch_s": 2.0}


def test_time_for_few_epochs_is_for_one_training_of_each_worker(plan_of):
    plan = plan_of(SearchRequest(time="24s"))
    assert plan.settings.budget.trials == 1
    assert plan.notes[-1].startswith("one training of 9 epochs, chosen for --time 24 s")
    assert plan_of(SearchRequest(time="100s")).settings.budget.trials == UNLIMITED
    assert [is_for_one_each(budget(s), PACE, workers=1) for s in (1, 40, 42, 100)] == [
        True, True, False, False,
    ]  # fmt: skip


def test_a_time_that_is_shorter_than_an_epoch_is_said_before_the_launch(plan_of):
    plan = plan_of(SearchRequest(time="5s"))
    assert plan.settings.budget.epochs == 1
    assert plan.notes[-1].startswith(
        "--time 5 s is less than one epoch needs: the start takes about 4 s and an epoch 2 s"
    )


@pytest.mark.parametrize(
    "changes",
    [
        {"search": SearchRequest(time="100s", epochs=6)},
        {"overrides": {"train.epochs": 6}},
    ],
)
def test_epochs_of_the_user_win(plan_of, changes):
    plan = plan_of(**changes)
    assert plan.settings.budget.epochs == 6 and not plan.notes


@pytest.mark.parametrize(
    ("resources", "time", "together"),
    [
        (Resources(), "20s", True),
        (Resources(), "100s", False),
        (Resources(concurrency=2), "20s", False),
        (Resources(cpus_per_trial=1), "20s", False),
    ],
)
def test_in_a_short_time_the_cores_train_one_trial_together(
    plan_of, monkeypatch, resources, time, together
):
    monkeypatch.setattr("automl.plan.epochs.threads", lambda: 2)
    plan = plan_of(SearchRequest(time=time), resources=resources)
    assert (plan.settings.resources.concurrency == 1) is together
    assert ("one at a time on all cores" in plan.notes[-1]) is together


def test_without_a_time_and_on_another_machine_nothing_is_measured(plan_of):
    default = plan_of(SearchRequest(trials=2)).settings.budget.epochs
    with pytest.raises(UsageError, match="--address"):
        plan_of(resources=Resources(address="127.0.0.1:1"))
    assert default != 23


def test_a_failed_measurement_is_said_and_leaves_the_default(plan_of):
    plan = plan_of(overrides={"train.width": 13})
    default = plan_of(SearchRequest(trials=2)).settings.budget.epochs
    assert plan.settings.budget.epochs == default
    assert "an epoch could not be timed (too wide)" in plan.notes[-1]
