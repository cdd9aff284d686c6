"""An MLflow server of somebody else's, which asks for user and password."""

import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest
from registered import register

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
PASSWORD = "a-long-pass-word/of@mlflow"
USER = {"MLFLOW_TRACKING_USERNAME": "admin", "MLFLOW_TRACKING_PASSWORD": PASSWORD}
# Without the cache the server takes a tenth of a second a request to check the password.
CONFIG = """
[mlflow]
default_permission = READ
database_uri = sqlite:///basic_auth.db
admin_username = admin
authorization_function = mlflow.server.auth:authenticate_request_basic_auth
auth_cache_ttl_seconds = 900
"""
# On a busy machine the server takes longer than our client waits.
PATIENT = {"MLFLOW_HTTP_REQUEST_TIMEOUT": "120"}


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """Return the address of a real server with basic authentication, on loopback."""
    folder = tmp_path_factory.mktemp("server")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "mlflow", "server", "--app-name", "basic-auth",
               "--backend-store-uri", "sqlite:///mlflow.db", "--artifacts-destination", "files",
               "--host", "127.0.0.1", "--port", str(port), "--workers", "1"]  # fmt: skip
    (folder / "auth.ini").write_text(CONFIG)
    environment = {**os.environ, "MLFLOW_AUTH_CONFIG_PATH": str(folder / "auth.ini"),
                   "MLFLOW_AUTH_ADMIN_PASSWORD": PASSWORD,
                   "MLFLOW_FLASK_SERVER_SECRET_KEY": "a key of the tests",
                   "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}  # fmt: skip
    with (folder / "log.txt").open("w") as log:
        started = subprocess.Popen(
            command, cwd=folder, env=environment, stdout=log, stderr=log, start_new_session=True
        )
    url = f"http://127.0.0.1:{port}"
    try:
        _wait_until_up(url, started, folder / "log.txt")
        yield url
    finally:
        os.killpg(started.pid, 15)
        started.wait(timeout=60)


def _wait_until_up(url, started, log):
    for _ in range(3000):
        if started.poll() is not None:
            raise AssertionError(log.read_text())
        try:
            with urllib.request.urlopen(f"{url}/health", timeout=5):
                return
        except OSError:
            time.sleep(0.1)
    raise AssertionError(log.read_text())


def search(automl, toy_data, out, size, **environment):
    """Search, as many trials as epochs."""
    return automl("run", "--skill", "toy", "--data", toy_data, "--runner", "local", "--trials",
                  size, "--epochs", size, "--out", out, **environment)  # fmt: skip


def test_a_server_with_a_password_gets_runs_and_files_and_the_password_is_kept_nowhere(
    server, automl, toy_data, tmp_path, monkeypatch
):
    from mlflow.tracking import MlflowClient

    here = {"MLFLOW_TRACKING_URI": server, **USER, **PATIENT}
    result = search(automl, toy_data, "runs/exp", 1, **here)
    assert result.returncode == 0, result.stderr
    if "(it is slow" in result.stderr:
        # A busy machine; a resume waits for what is missing.
        result = automl("resume", "runs/exp", **here)
    assert "warning" not in result.stderr
    page = f"compare the trials: {server}/#/compare-runs?runs="
    assert page in result.stdout
    shown = automl("ui", "runs/exp", "--no-browser", **USER)
    assert shown.stdout.splitlines()[0] == f"MLflow UI: {server}"
    assert f"{server}/#/compare-runs?runs=" in shown.stdout
    for name, value in USER.items():
        monkeypatch.setenv(name, value)
    client = MlflowClient(tracking_uri=server)
    where = json.loads((tmp_path / "runs/exp/mlflow.json").read_text())
    files = {f.path for f in client.list_artifacts(where["run_id"])}
    assert {"leaderboard.csv", "report.html"} <= files
    assert client.get_model_version_by_alias("toy", "champion").version == "1"
    written = [p for p in Path(tmp_path).rglob("*") if p.is_file()]
    assert [p for p in written if PASSWORD.encode() in p.read_bytes()] == []
    assert PASSWORD not in result.stdout + result.stderr + shown.stdout + shown.stderr


def test_a_wrong_password_is_told_once_and_the_search_goes_on(server, automl, toy_data):
    wrong = {**USER, "MLFLOW_TRACKING_PASSWORD": "not-the-password"}
    result = search(automl, toy_data, "exp", 2, MLFLOW_TRACKING_URI=server, **wrong)
    assert result.returncode == 0, result.stderr
    assert result.stderr.count(f"warning: MLflow at {server} is behind") == 1
    assert "not-the-password" not in result.stderr and "Traceback" not in result.stderr


def test_champions_of_a_server_are_compared_and_rolled_back_over_the_network(
    server, automl, tmp_path, monkeypatch
):
    from mlflow.tracking import MlflowClient

    here = {"MLFLOW_TRACKING_URI": server, **USER, **PATIENT}
    for name, value in here.items():
        monkeypatch.setenv(name, value)
    register(MlflowClient(tracking_uri=server), tmp_path, right=(80, 90))
    done = automl("models", "promote", "2", "--name", "segformer", "--if-better", **here)
    assert "is version 2 instead of version 1: val_miou 0.8" in done.stdout, done.stderr
    back = automl("models", "rollback", "--name", "segformer", **here)
    assert back.stdout == "models:/segformer@champion is version 1 instead of version 2\n"
