import json

import pytest


def test_the_command_line_runs_lists_and_shows(automl, tmp_path, toy_data):
    first = automl("job", "run", "train", "--skill", "toy", "--train-datasets", toy_data, "--json")
    assert first.returncode == 0, first.stderr
    train = json.loads(first.stdout)
    assert train["state"] == "completed"
    assert train.pop("route")["way"] == "direct"
    second = automl("job", "run", "evaluate", "--parent", train["job"], "--json")
    assert json.loads(second.stdout)["metrics"] == train["metrics"]
    listed = json.loads(automl("job", "list", "--json").stdout)["jobs"]
    assert [job["action"] for job in listed] == ["train", "evaluate"]
    assert json.loads(automl("job", "show", train["job"], "--json").stdout) == train
    children = automl("job", "list", "--parent", train["job"]).stdout.splitlines()
    assert len(children) == 2 and children[1].startswith("evaluate-")


@pytest.mark.parametrize(
    ("words", "match"),
    [
        (["evaluate", "--skill", "toy", "--eval-dataset", "x"], "evaluate takes no eval_dataset"),
        (["evalute", "--skill", "toy", "--eval-dataset", "x"], "not an action of toy; did you"),
        (["train", "--skill", "toy"], "train_datasets is missing; give --train-datasets URI"),
        (["--skill", "toy"], "ACTION is missing"),
        (["evaluate", "--parent", "no"], "--parent: there is no job 'no': runs/ has no jobs yet"),
        (["evaluate", "--skill", "toy", "--from-epoch", "3",
          "--checkpoint-choose-method", "best_model"], "go together"),
        (["evaluate", "--skill", "toy", "--checkpoint-choose-method", "best"],
         "did you mean best_model"),
        (["evaluate", "--skill", "toy", "--dataset", "x"], "give --dataset NAME=URI"),
    ],
)  # fmt: skip
def test_a_fault_on_the_command_line_is_one_line_and_exit_2(automl, tmp_path, words, match):
    result = automl("job", "run", *words)
    assert (result.returncode, result.stdout) == (2, "")
    assert match in result.stderr and "Traceback" not in result.stderr
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize("word", ["e1", "./e1", "e1/trials/0000", "{tmp_path}/e1"])
def test_an_experiment_outside_runs_is_a_parent_by_its_folder(automl, tmp_path, toy_data, word):
    local = ("--runner", "local", "--tracker", "none", "--trials", 1, "--epochs", 1)
    done = automl("run", "--skill", "toy", "--data", toy_data, "--out", "e1", *local)
    assert done.returncode == 0, done.stderr
    made = automl("job", "run", "evaluate", "--parent", word.format(tmp_path=tmp_path), "--json")
    assert made.returncode == 0, made.stderr
    job = json.loads(made.stdout)
    assert job["parent"].startswith("e1")
    assert (tmp_path / job["job"] / "spec.yaml").exists()
    assert automl("job", "show", job["job"]).returncode == 0
