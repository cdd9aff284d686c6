import csv
import json
import os
import subprocess
import urllib.request
from pathlib import Path

import pytest
from rewritten import rewrite_settings
from warm import pid_of

from automl.experiment.experiment import Experiment, space_of
from automl.tracking.names import ParameterNames

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """Return a folder with data for the toy skill in data/."""
    folder = tmp_path_factory.mktemp("mlflow")
    (folder / "data").mkdir()
    return folder


@pytest.fixture(scope="module")
def client(home):
    from mlflow.tracking import MlflowClient

    return MlflowClient(tracking_uri=f"sqlite:///{home / 'runs' / 'mlflow.db'}")


@pytest.fixture(scope="module")
def experiment(home, run_in):
    """Make a search that MLflow is told of, and return its JSON."""
    result = run_in(home, "run", "--skill", "toy", "--data", "data", "--runner", "local", "--out",
                     "runs/exp", "--trials", 4, "--epochs", 4, "--json")  # fmt: skip
    assert result.returncode == 0, result.stderr
    assert "warning" not in result.stderr
    return json.loads(result.stdout)


def short(home, values):
    experiment = Experiment.load(home / "runs" / "exp")
    space = space_of(experiment.paths, experiment.settings)
    return ParameterNames(space, is_ranked=True).of(values)


def runs_of(client):
    (found,) = [e for e in client.search_experiments() if e.name == "toy"]
    runs = client.search_runs([found.experiment_id])
    parents = [r for r in runs if "mlflow.parentRunId" not in r.data.tags]
    children = sorted(
        (r for r in runs if "mlflow.parentRunId" in r.data.tags), key=lambda r: r.info.run_name
    )
    assert {c.data.tags["mlflow.parentRunId"] for c in children} == {parents[0].info.run_id}
    return parents, children


def test_journal_mlflow_and_leaderboard_hold_the_same_numbers(experiment, client, home):
    (parent,), children = runs_of(client)
    with (home / "runs" / "exp" / "leaderboard.csv").open() as file:
        board = {int(row["trial"]): row for row in csv.DictReader(file)}
    assert len(children) == len(board) == len(experiment["trials"]) == 4
    for trial, child in zip(experiment["trials"], children, strict=True):
        history = client.get_metric_history(child.info.run_id, "score")
        assert [m.step for m in history] == list(range(1, trial["epochs"] + 1))
        assert max(m.value for m in history) == trial["value"]
        assert float(board[trial["trial"]]["score"]) == trial["value"]
        assert child.data.params == {k: str(v) for k, v in short(home, trial["values"]).items()}
        assert child.data.tags["automl.state"] == trial["state"]
    assert parent.data.metrics["best_score"] == experiment["best"]["value"]
    assert parent.info.status == "FINISHED"


def test_trials_say_what_became_of_them_and_from_what_they_came(experiment, client, home):
    (parent,), children = runs_of(client)
    best = experiment["best"]["trial"]
    for trial, child in zip(experiment["trials"], children, strict=True):
        tags = child.data.tags
        number = trial["trial"]
        assert child.info.run_name == f"trial-{number:04d}"
        assert tags["automl.state"] == trial["state"]
        assert tags.get("automl.rank") == ("best" if number == best else None)
        assert (tags["automl.seed"], tags["automl.data_fingerprint"]) == ("0", "toy")
        ran_on = json.loads((home / f"runs/exp/trials/{number:04d}/environment.json").read_text())
        assert tags["automl.threads"] == str(ran_on["threads"])
        assert tags.get("mlflow.source.git.commit") == ran_on.get("skill_commit")
        files = {f.path for f in client.list_artifacts(child.info.run_id)}
        assert files >= {"spec.yaml", "curves.csv", "environment.json"}
        path = client.download_artifacts(child.info.run_id, "curves.csv", str(home))
        with Path(path).open() as file:
            scores = [float(row["score"]) for row in csv.DictReader(file)]
        history = client.get_metric_history(child.info.run_id, "score")
        assert scores == [m.value for m in history]
    files = {f.path for f in client.list_artifacts(parent.info.run_id)}
    assert files >= {"leaderboard.csv", "best.json", "settings.yaml", "space.yaml", "report.html"}
    promoted = {f.path for f in client.list_artifacts(parent.info.run_id, "promoted")}
    assert promoted == {f"promoted/{n}" for n in ("model.onnx", "model_card.md", "parity.json")}
    values = experiment["trials"][best]["values"]
    assert parent.data.params == {f"best.{k}": str(v) for k, v in short(home, values).items()}
    assert f"best: trial {best:04d}" in parent.data.tags["mlflow.note.content"]
    assert all(c.info.run_id in parent.data.tags["mlflow.note.content"] for c in children)


def test_times_in_mlflow_are_those_of_the_journal(experiment, client, home):
    _, children = runs_of(client)
    events = map(json.loads, (home / "runs/exp/journal.jsonl").read_text().splitlines())
    told = [
        (e["trial"], e["epoch"], int(e["time"] * 1000)) for e in events if e["event"] == "report"
    ]
    seen = [
        (int(child.data.tags["automl.trial"]), m.step, m.timestamp)
        for child in children
        for m in client.get_metric_history(child.info.run_id, "score")
    ]
    assert sorted(seen) == sorted(told)


def test_the_best_so_far_rises_with_the_epochs_of_the_search(experiment, client, home):
    (parent,), _ = runs_of(client)
    events = map(json.loads, (home / "runs/exp/journal.jsonl").read_text().splitlines())
    scores = [e["metrics"]["score"] for e in events if e["event"] == "report"]
    best = [(n, s) for n, s in enumerate(scores, start=1) if s > max(scores[: n - 1], default=-1)]
    history = client.get_metric_history(parent.info.run_id, "best_score")
    assert sorted((m.step, m.value) for m in history) == best
    [found] = [e for e in client.search_experiments() if e.name == "toy"]
    assert found.tags["mlflow.experimentKind"] == "custom_model_development"


def test_the_machine_and_the_memory_of_the_trials_are_system_metrics(experiment, client):
    (parent,), children = runs_of(client)
    load = client.get_metric_history(parent.info.run_id, "system/load_per_core")
    epochs = sum(trial["epochs"] for trial in experiment["trials"])
    assert load[-1].step == epochs and load[-1].value > 0
    assert 0 < parent.data.metrics["system/memory_percent"] < 100
    for child, trial in zip(children, experiment["trials"], strict=True):
        peaks = client.get_metric_history(child.info.run_id, "system/peak_memory_megabytes")
        assert max(peak.step for peak in peaks) == trial["epochs"]  # Earlier ones when it paused.
        assert all(peak.value > 1 for peak in peaks)


def test_the_run_names_its_splits_with_size_and_fingerprint(experiment, client):
    (parent,), _ = runs_of(client)
    (split,) = [each.dataset for each in parent.inputs.dataset_inputs]
    assert (split.name, split.digest, json.loads(split.profile)) == (
        "train",
        "toy",
        {"num_rows": 1},
    )


def test_the_champion_is_registered_and_runs(experiment, client, monkeypatch):
    import mlflow
    import numpy as np
    import onnxruntime

    version = client.get_model_version_by_alias("toy", "champion")
    assert experiment["promotion"]["registry"]["version"] == str(version.version)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", client.tracking_uri)
    path = mlflow.artifacts.download_artifacts("models:/toy@champion")
    session = onnxruntime.InferenceSession(f"{path}/model.onnx")
    given = np.ones((2, 3), np.float32)
    assert (session.run(None, {"i": given})[0] == given).all()


def test_a_resume_mirrors_what_is_missing_and_doubles_nothing(experiment, client, home, run_in):
    root = home / "runs" / "exp"
    lines = (root / "journal.jsonl").read_bytes().splitlines(keepends=True)
    cut = next(i for i, line in enumerate(lines) if b'"promoted"' in line) - 3
    (root / "journal.jsonl").write_bytes(b"".join(lines[:cut]))
    again = json.loads(run_in(home, "resume", "runs/exp", "--json").stdout)
    parents, children = runs_of(client)
    assert (len(parents), len(children)) == (1, 4)
    for trial, child in zip(again["trials"], children, strict=True):
        steps = {m.step for m in client.get_metric_history(child.info.run_id, "score")}
        assert steps == set(range(1, trial["epochs"] + 1))
        assert child.info.status == "FINISHED"


def test_a_broken_store_is_told_once_and_the_run_ends_well(automl, toy_data):
    result = automl("run", "--skill", "toy", "--data", toy_data, "--runner", "local", "--trials", 1,
                    "--out", "exp", MLFLOW_TRACKING_URI="sqlite:////proc/no/db")  # fmt: skip
    assert result.returncode == 0, result.stderr
    assert result.stderr.count("warning: MLflow at sqlite:////proc/no/db") == 1


def test_the_ui_serves_the_store_on_a_free_port_by_a_server_of_two_processes(
    experiment, home, commands
):
    server = subprocess.Popen(
        [commands / "automl", "ui", "runs", "--no-browser"],
        cwd=home, env=os.environ, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    )  # fmt: skip
    try:
        line = server.stdout.readline()
        page = json.loads((home / "runs/exp/mlflow.json").read_text())["compare"]
        assert server.stdout.readline().endswith(f"{line.split()[2]}/{page}\n")
        assert line.startswith("MLflow UI: http://127.0.0.1:")
        url = line.split()[2]
        body = json.dumps({"max_results": 10}).encode()
        search = urllib.request.Request(
            f"{url}/api/2.0/mlflow/experiments/search",
            data=body,
            headers={"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(search, timeout=30) as answer:
            names = [e["name"] for e in json.load(answer)["experiments"]]
        assert "toy" in names
        (mlflow,) = children(pid_of(server))
        assert len(children(mlflow)) == 1, "those that evaluate language models are not started"
    finally:
        server.terminate()
        server.communicate(timeout=30)
    with pytest.raises(OSError, match="refused"):
        urllib.request.urlopen(url, timeout=5)


def children(pid):
    return [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def test_a_champion_is_replaced_by_a_better_one_on_the_same_data_alone(
    experiment, client, home, run_in
):
    best = experiment["best"]
    worse = next(t["trial"] for t in experiment["trials"] if t["value"] < best["value"])
    settings = home / "runs" / "exp" / "settings.yaml"

    def registered(trial):
        done = run_in(home, "promote", "runs/exp", "--trial", trial, "--json")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)["promotion"]["registry"]

    def champion():
        return str(client.get_model_version_by_alias("toy", "champion").version)

    first = champion()
    told = registered(worse)
    assert (told["alias"], champion()) == ("challenger", first)
    assert f"version {first} stays champion: score " in told["why"]

    client.set_registered_model_alias("toy", "champion", told["version"])
    beaten, told = told["version"], registered(best["trial"])
    assert (told["alias"], champion()) == ("champion", told["version"])
    assert told["why"].startswith(f"beats version {beaten}: score ")
    assert "difference within [+" in told["why"] and told["why"].endswith("(90 %, 1 images)")

    rewrite_settings(settings.parent, "fingerprint: toy", "fingerprint: other")
    other = registered(worse)
    assert (other["alias"], champion()) == ("challenger", told["version"])
    assert "measured on other data (toy, this one on other)" in other["why"]
