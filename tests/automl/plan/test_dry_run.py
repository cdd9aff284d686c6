import json
import re

import pytest


@pytest.fixture
def dry(automl, toy_data):
    def call(*words):
        return automl(
            "run", "--skill", "toy", "--data", toy_data, "--runner", "local", "--tracker", "none",
            "--dry-run", *words,
        )  # fmt: skip

    return call


def test_a_dry_run_tells_all_and_leaves_nothing(dry, tmp_path, toy_data):
    before = sorted(tmp_path.rglob("*"))
    done = dry("--trials", 6, "--epochs", 9, "train.batch_size=4")
    assert done.returncode == 0, done.stderr
    for text in (
        "batch_size: 4",
        "space: 4 parameters",
        "log scale from 0.0001 to 0.1",
        "0000 (defaults)",
        "6 trials of up to 9 epochs",
        "nothing was started",
    ):
        assert text in done.stdout
    assert "time: no estimate: no comparable experiment in runs (same" in done.stdout
    assert re.search(r"disk: no estimate: .*; \d+\.\d GB are free", done.stdout)
    assert sorted(tmp_path.rglob("*")) == before


def test_a_dry_run_says_what_each_name_sets_and_its_range(dry):
    text = dry("--search", "start=choice(wide,narrow)").stdout
    assert "wide sets train.batch_size=4, train.width=16" in text
    assert "with start=wide: log scale from 1e-05 to 0.01, default 0.001, near 0.001" in text
    assert "train.width  " not in text.split("\nspace:")[1]


def test_the_suggestions_are_those_that_the_run_then_starts_with(dry, automl, toy_data):
    words = ("--trials", 6, "--epochs", 9, "--seed", 3)
    told = json.loads(dry(*words, "--json").stdout)
    assert len(told["suggestions"]) == 4
    ran = json.loads(
        automl("run", "--skill", "toy", "--data", toy_data, "--runner", "local", "--tracker",
               "none", "--out", "runs/one", "--json", *words).stdout
    )  # fmt: skip
    assert [t["values"] for t in ran["trials"]][:4] == told["suggestions"]
    again = json.loads(dry(*words, "--json").stdout)
    assert again["estimate"]["time_source"] == again["estimate"]["disk_source"] == "runs/one"
    assert 0 < again["estimate"]["seconds_of_same"] <= again["estimate"]["seconds"] + 60
    other = json.loads(dry(*words, "--json", "train.batch_size=4").stdout)["estimate"]
    assert other["seconds"] is None and other["bytes_per_trial"] is None
    assert other["why_none"] == ["runs/one: it differs in train.batch_size"]


def test_what_would_be_refused_is_refused(dry):
    done = dry("train.width=65")
    assert done.returncode == 2 and "must be an int in [1, 64]" in done.stderr
