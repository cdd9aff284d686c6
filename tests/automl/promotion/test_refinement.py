import json

import pytest

from automl.experiment.resources import Resources
from automl.plan.plan import plan_from_request
from automl.promotion.gates import PromotionRequest
from automl.report.summary import summary
from automl.request.request import Request
from automl.request.search import SearchRequest
from automl.session.session import drive, promote


@pytest.fixture
def searched(toy_data, tmp_path):
    """Return a function that runs a search of one model's width, with these changes."""

    def make(refine="on", **overrides):
        request = Request(
            skill="toy", data=str(toy_data), out=tmp_path / "e", refine=refine,
            search=SearchRequest(trials=3, epochs=2, algorithm="random"),
            overrides={"train.width": 16, **overrides},
            resources=Resources(runner="local"), tracker="none",
        )  # fmt: skip
        plan_from_request(request).write()
        return drive(tmp_path / "e")

    return make


def test_an_average_that_gains_is_promoted_and_one_that_loses_is_dropped(searched):
    experiment = searched()
    steps = experiment.promotion["refinement"]
    best, second, third = [trial.number for trial in experiment.ranking()]
    assert [(s["kind"], s["trials"], s["is_accepted"]) for s in steps] == [
        ("average", [best, second], True),
        ("average", [best, second, third], False),
        ("polish", [best], False),
    ]
    parity = experiment.promotion["parity"]
    value = experiment.value_of(experiment.best)
    assert parity["onnx"] == parity["recorded"] == pytest.approx(value + 0.1)
    assert parity["is_equal"] and steps[2]["why"] == "nothing to polish"


def test_what_each_refinement_brought_is_told_everywhere(searched):
    experiment = searched()
    root = experiment.paths.root
    text = "kept, score 0."
    assert "refined: average of 000" in summary(experiment) and text in summary(experiment)
    card = (root / "promoted" / "model_card.md").read_text()
    assert "## Refinement\n- average of 000" in card
    assert "not above chance" in (root / "report.html").read_text()


def test_the_test_split_can_veto(searched):
    steps = searched(**{"train.fail": "test"}).promotion["refinement"]
    assert not any(step["is_accepted"] for step in steps)
    assert steps[0]["why"].endswith("the test split contradicts")


def test_refining_is_off_unless_it_is_asked_for(searched):
    experiment = searched(refine="off")
    assert "refinement" not in experiment.promotion
    promoted = promote(experiment.paths.root, PromotionRequest(refine=True))
    assert promoted.promotion["refinement"][0]["is_accepted"]
    assert json.loads((promoted.paths.promoted / "parity.json").read_text())["is_equal"]
