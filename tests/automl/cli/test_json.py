"""For programs: with --json stdout holds one JSON object whatever happens, stderr JSON lines."""

import json
import sys

import pytest

from automl.cli.json_lines import json_lines

PARTS = {"kind", "message", "key", "value", "allowed", "nearest", "next"}


def answer(result):
    """Return the object on stdout, having read every line of stderr as an object too."""
    for line in result.stderr.splitlines():
        assert isinstance(json.loads(line), dict)
    return json.loads(result.stdout)


@pytest.mark.parametrize(
    ("words", "key", "nearest"),
    [
        (["run", "--skill", "tou"], "--skill", "toy"),
        (["run", "--skill", "toy", "--data", ".", "train.lrr=1"], "train.lrr", "train.lr"),
        (["run", "--skill", "toy", "--data", ".", "--tracker", "mlfow"], "--tracker", "mlflow"),
        (["run", "--trails", "3"], "--trails", "--trials"),
        (["run", "--trials", "x"], "--trials", None),
        (["rnu"], "COMMAND", "run"),
        (["status", "nowhere"], "EXPERIMENT", None),
        (["promote", "nowhere", "--to", "onx"], "--to", "onnx"),
        (["job", "show", "nothing"], "JOB", None),
        (["job", "run", "evaluate", "--parent", "x"], "--parent", None),
        (["run", "--skill", "toy"], "--data", None),
        (["skill", "check", "tou"], "--skill", "toy"),
        (["run", "--skill", "toy", "--data", ".", "--time", "soon"], "--time", None),
        (["run", "--skill", "toy", "--data", ".", "--hang-limit", "on"], "--hang-limit", None),
        (["run", "--skill", "toy", "--data", ".", "--epochs", "-1"], "--epochs", None),
        (["run", "--skill", "toy", "--data", ".", "nonsense"], "nonsense", None),
        (["run", "--skill", "toy", "--data", ".", "--constraint", "speed"], "--constraint", None),
        (
            ["run", "--skill", "toy", "--data", ".", "--search", "train.lrr=auto"],
            "--search",
            "train.lr",
        ),
        (["status"], "experiment", None),
        (["job", "run", "evalute", "--skill", "segformer"], "ACTION", "evaluate"),
        (["predict", "gone.onnx", ".", "--skill", "segformer", "--out", "new"], "model", None),
        (["data", "import", "cocoo", ".", "new", "--skill", "segformer"], "KIND", "coco"),
        (["data", "import", "coco", "gone", "new", "--skill", "segformer"], "SRC", None),
        (["data", "split", "gone", "--skill", "segformer"], "DIR", None),
        (["data", "split", ".", "--val", "lots", "--skill", "segformer"], "--val", None),
    ],
)
def test_a_mistake_of_the_user_is_an_object_with_its_parts(automl, words, key, nearest):
    result = automl(*words, "--json")
    assert result.returncode == 2, result.stderr
    error = answer(result)["error"]
    assert set(error) == PARTS and error["kind"] == "usage"
    assert (error["key"], error["nearest"]) == (key, nearest)
    assert json.loads(result.stderr.splitlines()[-1])["what"] == "error"


def test_several_faults_are_all_in_the_object(run):
    result = run("--json", "train.width=99", "train.lr=-1")
    content = answer(result)
    assert [fault["key"] for fault in content["errors"]] == ["train.width", "train.lr"]
    assert content["error"] == content["errors"][0]
    assert content["error"]["value"] == 99


def test_a_failed_run_is_the_experiment_and_its_error(run):
    result = run("--out", "exp", "--json", "train.fail=crash", "--trials", "1")
    content = answer(result)
    assert (result.returncode, content["state"]) == (1, "failed")
    assert content["error"]["kind"] == "failed"
    assert "crashed: ValueError: toy: broke" in content["error"]["message"]
    assert content["error"]["next"] is None  # Its budget is spent: a resume would do nothing.


def test_the_next_step_of_a_failed_search_with_trials_left_is_to_resume_it(run):
    result = run("--out", "exp", "--json", "train.fail=crash", "--trials", "9")
    assert answer(result)["error"]["next"] == "automl resume exp"
    text = run("--out", "two", "train.fail=crash", "--trials", "1").stdout
    assert "next: fix the cause and start a new run" in text


def test_a_job_that_failed_is_named_in_the_object_and_exits_1(automl, run):
    assert run("--out", "runs/exp", "--trials", "1").returncode == 0
    for parent in ("exp", "runs/exp"):
        result = automl("job", "run", "export", "--skill", "toy", "--parent", parent, "--json",
                        "export.fail=crash")  # fmt: skip
        content = answer(result)
        assert result.returncode == 1, result.stderr
        assert content["state"] == "failed" and content["error"]["kind"] == "failed"
        assert automl("job", "show", content["job"]).returncode == 0
        assert automl("job", "show", f"runs/{content['job']}").returncode == 0


def test_the_promotion_has_the_paths_of_its_models(run, tmp_path):
    content = answer(run("--out", "exp", "--trials", "1", "--json"))
    assert (tmp_path / content["promotion"]["onnx"]).exists()


def test_only_json_reaches_stderr(capfd):
    with json_lines():
        print("a library\nprints", file=sys.stderr, end="")
        print('\n{"what": "note"}\n10%\r20%\r', file=sys.stderr)
    lines = [json.loads(line) for line in capfd.readouterr().err.splitlines()]
    assert [line.get("text") for line in lines] == ["a library", "prints", None, "20%"]
