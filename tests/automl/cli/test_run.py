import json


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
