"""Limits, budgets and what to keep, from words."""

import pytest

from automl.errors import UsageError
from automl.request.request import request_from_options
from automl.request.wishes import read_wishes
from automl.skill.installed import load_skill


def read(text):
    wishes = read_wishes(text, load_skill("segformer").info)
    return dict(wishes.options), wishes.not_understood


@pytest.mark.parametrize(
    ("text", "options"),
    [
        ("best model under 20 ms, two hours, do not touch the augmentation",
         {"constraint": ("latency_ms<=20",), "time": "2h", "keep": ("augmentation",)}),
        ("find a good model in half an hour and keep the learning rate fixed",
         {"time": "30m", "keep": ("lr",)}),
        ("20 trials of at most 50 epochs", {"trials": 20, "epochs": 50}),
        ("500 epochs in total; less than 4 GB of memory; below 10 million parameters",
         {"budget_epochs": 500, "constraint": ("memory_mb<=4096", "parameters<=1e+07")}),
        ("train it with an mIoU of at least 60 %", {"min_objective": 0.6}),
        ("90 minutes. Don't change the loss function.", {"time": "1h30m", "keep": ("loss",)}),
        ("spend at most $20 at $2.50 an hour", {"budget_cost": 20.0, "price_per_hour": 2.5}),
        ("at most 15 euros; 3 euros per hour", {"budget_cost": 15.0, "price_per_hour": 3.0}),
        ("in an hour", {"time": "1h"}), ("half an hour", {"time": "30m"}),
        ("leave the encoder alone, 5 gflops", {"keep": ("backbone",)}),
        ("please train the best model", {}), ("no HPO please", {}),
    ],
)  # fmt: skip
def test_words_become_options(text, options):
    assert read(text)[0] == options


@pytest.mark.parametrize(
    ("text", "left"),
    [("two hours, on one thread", ("on one thread",)), ("make it purple", ("make it purple",)),
     ("best model, two hours", ()), ("leave the encoder alone, 5 gflops", ("5 gflops",))],
)  # fmt: skip
def test_what_is_not_understood_is_named(text, left):
    assert read(text)[1] == left


def test_words_and_flags_that_disagree_are_refused_and_those_that_agree_are_one():
    words = {"skill": "toy", "request": "two hours"}
    with pytest.raises(UsageError, match=r"--time 1h and --request \(--time 2h\) disagree"):
        request_from_options({**words, "time": "1h"})
    assert request_from_options({**words, "time": "2h"}).search.time == "2h"


def test_a_flag_overrides_the_words_of_the_file(tmp_path):
    file = tmp_path / "run.yaml"
    file.write_text("skill: toy\nrequest: two hours\n")
    assert request_from_options({}, file=file).search.time == "2h"
    assert request_from_options({"time": "1h"}, file=file).search.time == "1h"
