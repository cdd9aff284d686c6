import json
import os
import shutil

import pytest
from toy_skill import ToySkill


def test_automl_policy_among_the_settings_is_the_flag(run):
    told = json.loads(run("--out", "exp", "--json", "automl_policy=off").stdout)
    assert told["policy"] == "off"
    assert [t["values"] for t in told["trials"]] == [{}]


def test_the_request_in_words_is_the_flag_and_the_json_says_which_way_was_taken(run):
    told = json.loads(run("--out", "exp", "--json", "--request", "train it, no HPO please").stdout)
    assert told["route"]["way"] == "direct"
    assert "automl_policy is off" in told["route"]["reason"]
    words = ("--request", "Don't turn off AutoML", "--trials", 1)
    assert json.loads(run("--out", "two", "--json", *words).stdout)["route"]["way"] == "search"


@pytest.mark.parametrize("is_gone", [False, True])
def test_without_a_schema_it_trains_directly_says_so_and_exits_3(run, automl, tmp_path, is_gone):
    shutil.copytree(ToySkill.folder.parent, tmp_path / "toy")
    schemas = tmp_path / "toy" / "toy_skill" / "schemas"
    if is_gone:
        shutil.rmtree(schemas)
    else:
        (schemas / "train.schema.json").write_text("{")
    path = os.pathsep.join([str(tmp_path / "toy"), os.environ["PYTHONPATH"]])
    result = run("--out", "exp", "--json", "--quiet", PYTHONPATH=path)
    assert result.returncode == 3, result.stderr
    assert "AutoML is enabled for toy but not runnable until its schemas" in result.stderr
    told = json.loads(result.stdout)
    assert (told["state"], told["route"]["way"], told["route"]["is_fallback"]) == (
        "finished", "direct", True,
    )  # fmt: skip
    assert "not runnable" in automl("status", "exp").stdout
    assert run("--out", "two", "--policy", "off", PYTHONPATH=path).returncode == 0


def test_a_training_for_want_of_a_schema_drops_the_options_of_a_search(run, tmp_path):
    shutil.copytree(ToySkill.folder.parent, tmp_path / "toy")
    (tmp_path / "toy" / "toy_skill" / "schemas" / "train.schema.json").write_text("{")
    path = os.pathsep.join([str(tmp_path / "toy"), os.environ["PYTHONPATH"]])
    words = ("--trials", 5, "--search", "train.lr=auto")
    result = run("--out", "exp", *words, PYTHONPATH=path)
    assert result.returncode == 3, result.stderr
    note = "--search, --trials have no effect on a plain training\n"
    assert result.stderr.count(note) == 1
    refused = run("--out", "two", "--policy", "off", *words, PYTHONPATH=path)
    assert refused.returncode == 2
