"""`automl mcp`, `automl explain`, `automl stop`."""

import json

import pytest


def test_the_servers_folder_must_be_there(automl):
    result = automl("mcp", "--root", "nowhere")
    assert (result.returncode, result.stderr) == (2, "automl: --root: nowhere is not a folder\n")


def test_an_experiment_is_explained_as_text_and_as_an_object(run, automl):
    assert run("--out", "exp", "--trials", "2").returncode == 0
    text = automl("explain", "exp").stdout
    assert "started: the defaults" in text and "what to try next" in text
    content = json.loads(automl("explain", "exp", "--trial", "1", "--json").stdout)
    assert [row["trial"] for row in content["trials"]] == [1]


@pytest.mark.parametrize(
    ("words", "fault"),
    [(("stop", "exp"), "is not running"), (("explain", "exp", "--trial", "9"), "not one of 0")],
)
def test_what_cannot_be_stopped_or_explained_is_one_line(run, automl, words, fault):
    assert run("--out", "exp", "--trials", "1").returncode == 0
    result = automl(*words)
    assert result.returncode == 2 and fault in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_a_study_of_optuna_is_written_and_named(run, automl):
    assert run("--out", "exp", "--trials", "2").returncode == 0
    result = automl("export-study", "exp", "optuna.db", "--json")
    assert json.loads(result.stdout) == {"file": "optuna.db", "study": "exp"}
    assert automl("export-study", "exp", "optuna.db").returncode == 2
