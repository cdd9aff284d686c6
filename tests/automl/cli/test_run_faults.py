import subprocess
from pathlib import Path

import pytest

LOCAL = ("--runner", "local", "--tracker", "none")


@pytest.mark.parametrize(
    ("words", "match"),
    [
        (["train.lrr=1"], "train.lrr: unknown key; did you mean train.lr?"),
        (["train.width=65"], "train.width: 65 is not allowed: must be an int in [1, 64]"),
        (["train.lr"], "'train.lr' is not understood"),
        (["train.kind=odd"], "train.kind: odd is not allowed with this width"),
        (["train.results_dir=x"], "train.results_dir: cannot be set here"),
        (["--epochs", "3", "train.epochs=4"], "--epochs 3 and train.epochs=4 disagree"),
        (["--space", "wied"], "--space: 'wied' is not one of"),
        (["--search", "train.lr=lag(1,2)"], "did you mean log?"),
        (["--policy", "off", "--search", "train.lr=auto"], "--search: train.lr=auto has no effect"),
        (["--policy", "never"], "--policy: 'never' is not one of auto, off"),
        (["--policy", "off", "--trials", "3"], "--trials: 3 has no effect on a plain training"),
        (["--policy", "auto", "automl_policy=off"], "disagree"),
        (["--trials", "0"], "--trials: 0 is not allowed"),
        (["--tracker", "mlfow"], "did you mean mlflow?"),
        (["--data", "nowhere"], "no such folder"),
    ],
)  # fmt: skip
def test_a_fault_of_the_user_is_one_clear_line_and_exit_2(run, tmp_path, words, match):
    result = run("--out", "exp", *words)
    assert result.returncode == 2
    assert match in result.stderr
    assert "Traceback" not in result.stderr
    assert not (tmp_path / "exp").exists()


def test_faults_of_options_that_do_not_need_each_other_are_named_together(run):
    result = run("--trials", 0, "--time", "x", "--concurrency", 0, "--algorithm", "nope")
    assert result.returncode == 2
    for flag in ("--trials: 0", "--time: 'x'", "--concurrency: 0", "--algorithm: 'nope'"):
        assert f"automl: {flag}" in result.stderr


@pytest.mark.parametrize(
    "words",
    [["--tracker", "mlfow"], ["--search", "train.lr=log(1"], ["--out", "s3://b/x"],
     ["--space", "nofile.yaml"]],
)  # fmt: skip
def test_the_data_check_is_not_announced_before_it_starts(run, tmp_path, words):
    result = run(*words)
    assert result.returncode == 2 and words[0] in result.stderr
    assert "checking the data" not in result.stderr
    assert list(tmp_path.glob("s3*")) == []


@pytest.mark.parametrize(
    "words",
    [["init", "F/x.yaml"], ["data", "sample", "F/z"], ["data", "sample", "F"],
     ["skill", "generate", "toy", "--out", "F/z"], ["skill", "generate", "toy", "--out", "F"]],
)  # fmt: skip
def test_a_place_below_a_file_is_one_line(automl, tmp_path, words):
    (tmp_path / "F").touch()
    result = automl(*words, *([] if words[0] == "skill" else ["--skill", "toy"]))
    assert result.returncode == 2 and "Traceback" not in result.stderr
    assert result.stderr.endswith("F is a file\n")


@pytest.mark.parametrize("place", ["/proc/none/x", "F/x"])
def test_a_place_where_nothing_can_be_made_is_one_line(run, tmp_path, place):
    (tmp_path / "F").touch()
    result = run("--out", place)
    assert result.returncode == 2 and "Traceback" not in result.stderr
    assert place in result.stderr


def test_a_reader_that_leaves_ends_the_command_quietly(commands, tmp_path):
    with subprocess.Popen(
        [commands / "automl", "skill", "show", "toy"], cwd=tmp_path,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    ) as process:  # fmt: skip
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 141


def test_an_output_that_cannot_be_written_is_one_line(commands, tmp_path):
    with Path("/dev/full").open("w") as full:
        result = subprocess.run(
            [commands / "automl", "skill", "show", "toy"], cwd=tmp_path, stdout=full,
            stderr=subprocess.PIPE, text=True, check=False,
        )  # fmt: skip
    line = "automl: stdout: cannot be written (No space left on device)\n"
    assert (result.returncode, result.stderr) == (1, line)


def test_a_disk_that_is_full_is_one_line(automl):
    result = automl("data", "sample", "new", "--skill", "toy", "--kind", "full")
    line = "automl: what this command writes: No space left on device\n"
    assert (result.returncode, result.stderr) == (75, line)


def test_an_unknown_skill_gets_the_nearest_name(automl):
    result = automl("run", "--skill", "tou", "--data", ".")
    assert (result.returncode, result.stdout) == (2, "")
    assert "did you mean toy?" in result.stderr


def test_missing_data_names_the_flag(automl):
    result = automl("run", "--skill", "toy", *LOCAL)
    assert result.returncode == 2
    assert "--data is missing" in result.stderr


def test_a_folder_that_is_taken_is_refused_and_resume_is_named(run, tmp_path):
    run("--trials", 1, "--out", "exp")
    result = run("--trials", 1, "--out", "exp")
    assert result.returncode == 2
    assert "already holds an experiment; resume it with: automl resume" in result.stderr
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "notes").touch()
    assert "is not empty" in run("--out", "other").stderr
