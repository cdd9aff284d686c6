"""What the controller writes in the journal: every decision of the searcher, with its reason."""

from contextlib import suppress

import pytest

from automl.errors import RunFailed
from automl.experiment.journal import Journal
from automl.experiment.resources import Resources
from automl.plan.plan import plan_from_request
from automl.request.request import Request
from automl.request.search import SearchRequest
from automl.session.session import drive


@pytest.fixture
def events(tmp_path, toy_data):
    def searched(*, overrides=None, **search):
        request = Request(
            skill="toy", data=str(toy_data), out=tmp_path / "exp", tracker="none",
            search=SearchRequest(**{"epochs": 9, "trials": 6, **search}),
            overrides=overrides or {}, resources=Resources(runner="local"),
        )  # fmt: skip
        plan_from_request(request).write()
        with suppress(RunFailed):  # A search without any valid value has a journal too.
            drive(tmp_path / "exp")
        return list(Journal(tmp_path / "exp" / "journal.jsonl").read())

    return searched


def reasons(events, kind, **fields):
    return [
        event.get("reason", "")
        for event in events
        if event["event"] == kind and fields.items() <= event.items()
    ]


@pytest.mark.parametrize("algorithm", ["asha", "hyperband", "dehb", "auto", "pbt"])
def test_each_pause_and_each_resume_is_journaled_with_its_reason(events, algorithm):
    options = {"eval_interval": 2, "population_size": 4} if algorithm == "pbt" else {}
    journal = events(algorithm=algorithm, algorithm_options=options)
    paused = reasons(journal, "report", decision="pause")
    assert paused and all(paused)
    assert all(reasons(journal, "continue", is_interrupted=False))
    assert reasons(journal, "start", trial=0) == ["the defaults"]
    assert all(reasons(journal, "finish", state="stopped"))


def test_a_rank_is_the_reason_of_a_pause_and_of_a_promotion(events):
    journal = events(algorithm="asha")
    assert reasons(journal, "report", trial=0, epoch=1) == ["rank 1 of 1 at epoch 1"]
    assert reasons(journal, "continue")[0].startswith("rank 1 of ")


def test_the_spent_budget_is_the_reason_of_the_last_stop(events):
    journal = events(algorithm="random", trials=None, budget_epochs=12)
    assert reasons(journal, "report", decision="stop") == ["the budget of 12 epochs is spent"]


def test_a_confirmation_starts_with_the_values_and_a_fresh_seed(events):
    journal = events(trials=2, confirm_seeds=1)
    confirmed = [e["reason"] for e in journal if e.get("confirms") is not None]
    assert confirmed[0].endswith("and a fresh seed")


def test_a_stop_for_an_invalid_value_names_the_constraint_that_made_it_so(events):
    journal = events(algorithm="auto", constraints=("loss<=-1",), trials=3)
    stops = reasons(journal, "report", decision="stop")
    assert stops and all(text.startswith("violates loss<=-1: ") for text in stops)
