import json
import os
import pty
import subprocess


def test_json_is_alone_on_stdout_and_status_prints_the_same(run, automl):
    result = run("--trials", 3, "--out", "exp", "--json")
    assert result.returncode == 0, result.stderr
    told = json.loads(result.stdout)
    assert set(told) >= {"experiment", "state", "objective", "best", "trials", "promotion"}
    assert told["objective"] == {"metric": "score", "mode": "max"}
    assert set(told["trials"][0]) >= {
        "trial", "state", "value", "epochs", "seconds", "values", "failure",
    }  # fmt: skip
    assert told["promotion"]["parity"]["is_equal"] is True
    assert json.loads(automl("status", "exp", "--json").stdout) == told
    lines = [json.loads(line) for line in result.stderr.splitlines()]
    assert lines[0]["what"] == "note" and lines[-1]["what"] == "closed"


def test_the_text_names_the_leaderboard_the_places_and_the_next_command(run):
    result = run("--trials", 3, "--out", "exp")
    for text in ("0000 (defaults)", "best: trial", "promoted: ", "journal: ", "next: "):
        assert text in result.stdout
    assert "trial 0000 starts: the defaults" in result.stderr


def test_an_overlay_and_the_flags_of_the_space_shape_every_trial(run, tmp_path):
    (tmp_path / "mine.yaml").write_text("parameters: {train.width: {choices: [4, 16]}}")
    words = ("--space", "mine.yaml", "--search", "train.lr=log(1e-4,2e-4)", "--fix")
    result = run("--trials", 4, "--out", "exp", "--json", *words, "train.flip.enable=false")
    assert result.returncode == 0, result.stderr
    values = [trial["values"] for trial in json.loads(result.stdout)["trials"]]
    assert {v["train.width"] for v in values} <= {4, 16}
    assert all(1e-4 <= v["train.lr"] <= 2e-4 for v in values)
    assert all("train.flip.enable" not in v and "train.flip.p" not in v for v in values)


def test_quiet_says_nothing_but_the_result(run):
    assert run("--trials", 1, "--out", "exp", "--quiet").stderr == ""


def test_shorthand_keys_are_accepted(run, tmp_path):
    assert run("--out", "exp", "--trials", 1, "learning_rate=2e-2").returncode == 0
    assert "lr: 0.02" in (tmp_path / "exp" / "trials" / "0000" / "spec.yaml").read_text()


def test_a_failed_run_exits_1_with_the_cause_and_its_state(run):
    result = run("--out", "exp", "--json", "train.fail=crash")
    assert result.returncode == 1
    assert "crashed: ValueError: toy: broke" in result.stderr
    told = json.loads(result.stdout)
    assert told["state"] == "failed" and told["best"] is None
    assert told["trials"][0]["failure"]["kind"] == "crashed"


def test_what_is_kept_is_not_searched_and_the_words_are_shown(run):
    result = run("--dry-run", "--json", "--request", "3 trials, keep the optim, dance")
    content = json.loads(result.stdout)
    keys = {row["key"] for row in content["parameters"]}
    assert keys and not any(".optim." in f".{key}." for key in keys)
    assert "read as --trials 3 --keep optim; not understood: 'dance'" in result.stderr
    unkept = run("--dry-run", "--keep", "optin")
    assert unkept.returncode == 2 and "--keep: 'optin' is no parameter" in unkept.stderr


def test_a_terminal_is_asked_whether_the_words_were_meant_so(tmp_path, toy_data, commands):
    ours, theirs = pty.openpty()
    os.write(ours, b"n\n")
    words = ["run", "--skill", "toy", "--data", toy_data, "--out", "exp", "--request", "3 trials"]
    done = subprocess.run(
        [commands / "automl", *words], cwd=tmp_path, stdin=theirs, stderr=theirs,
        stdout=subprocess.PIPE, timeout=200, check=False,
    )  # fmt: skip
    shown = os.read(ours, 1 << 16).decode()
    assert done.returncode == 0 and "read as --trials 3" in shown
    assert "start it so?" in shown and not (tmp_path / "exp").exists()
