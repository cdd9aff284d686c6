import http.server
import json
import os
import sqlite3
import threading
from pathlib import Path

import pytest

from automl.doctor import OK, PROBLEM, libraries, machine
from automl.doctor import mlflow as mlflow_store
from automl.doctor.check import in_child


@pytest.fixture
def store(tmp_path):
    """Return a folder with an MLflow database of a schema, made by a function of it."""

    def make(schema):
        connection = sqlite3.connect(tmp_path / "mlflow.db")
        connection.execute("CREATE TABLE alembic_version (version_num TEXT)")
        connection.execute("INSERT INTO alembic_version VALUES (?)", (schema,))
        connection.commit()
        connection.close()
        return tmp_path

    return make


@pytest.fixture(autouse=True)
def _no_server(monkeypatch):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)


def test_the_command_tells_every_part_with_its_state_and_what_to_do(automl, tmp_path):
    done = automl("doctor", "--quick", "--json")
    told = json.loads(done.stdout)
    assert done.returncode == (0 if told["ok"] else 1)
    found = {check["name"]: check for check in told["checks"]}
    for name in ("Python", "libraries (train)", "CPU", "GPU", "TensorRT", "disk", "Ray", "MLflow",
                 "skill toy"):  # fmt: skip
        assert found[name]["status"] in ("ok", "warning", "problem")
    assert "torch 2" in found["libraries (train)"]["found"]
    assert "not started" in found["Ray"]["found"]
    assert all(c["advice"] for c in told["checks"] if c["status"] == "problem")


def test_a_problem_is_exit_1_and_says_what_to_do(automl, tmp_path):
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / "mlflow.db").write_text("no database")
    done = automl("doctor", "--quick")
    assert done.returncode == 1
    assert "problem  MLflow" in done.stdout and "-> move runs/mlflow.db aside" in done.stdout


@pytest.mark.slow
def test_a_ray_of_its_own_is_started_and_its_time_is_told(monkeypatch):
    monkeypatch.setenv("RAY_ADDRESS", "127.0.0.1:1")
    check = machine.ray(is_quick=False)
    assert check.status == OK, check.found
    assert "started and ran a task in" in check.found


def test_a_database_of_another_schema_is_told_with_the_command_that_upgrades_it(store):
    check = mlflow_store.mlflow(store("0584bdc529eb"))
    assert check.status == PROBLEM
    assert "mlflow db upgrade sqlite:////" in check.advice


def test_a_database_of_the_installed_mlflow_is_well_and_is_left_as_it_was(store):
    folder = store(mlflow_store._mlflow_schema())
    before = (folder / "mlflow.db").read_bytes()
    assert mlflow_store.mlflow(folder).status == OK
    assert (folder / "mlflow.db").read_bytes() == before


def test_the_newest_schema_is_the_one_that_mlflow_itself_makes(tmp_path):
    """By MLflow's own table of migrations, read without making a database."""
    from alembic.script import ScriptDirectory
    from mlflow.store.db.utils import _get_alembic_config

    config = _get_alembic_config("sqlite://")
    assert mlflow_store._mlflow_schema() == ScriptDirectory.from_config(config).get_current_head()


def test_a_server_that_answers_is_well_and_one_that_is_gone_is_a_problem(monkeypatch):
    class Healthy(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200 if self.path == "/health" else 404)
            self.end_headers()

        def log_message(self, *_words):
            pass

    server = http.server.HTTPServer(("127.0.0.1", 0), Healthy)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    address = f"http://user:password@127.0.0.1:{server.server_port}"
    assert mlflow_store._mlflow_server(address.replace("user:password@", "")).status == OK
    server.shutdown()
    server.server_close()
    thread.join()
    gone = mlflow_store._mlflow_server(address)
    assert gone.status == PROBLEM and "password" not in gone.found + gone.advice


def test_a_library_that_is_missing_or_old_is_a_problem_with_the_command():
    check = libraries._needed("search", [("optuna", "5"), ("no-such-library", ""), ("rich", "999")])
    assert check.status == PROBLEM
    assert check.found == "no-such-library is missing, rich is older than 999"
    assert check.advice.startswith("pip install")
    assert libraries._needed("search", [("optuna", "5")]).status == OK


def test_requirements_are_read_with_their_extras_and_least_versions():
    assert libraries._requirement('ray[tune]>=2.50; extra == "ray"') == (
        "ray", ["tune"], "2.50", "ray",
    )  # fmt: skip
    assert libraries._requirement("rich>=13.8") == ("rich", [], "13.8", "")


def test_a_folder_that_cannot_be_written_is_a_problem(tmp_path):
    assert machine.disk(tmp_path / "not" / "yet").status != PROBLEM
    if os.access("/proc/1", os.W_OK):
        pytest.skip("this user may write anywhere")
    assert machine.disk(Path("/proc/1")).status == PROBLEM


def test_what_a_child_process_dies_of_is_told_in_one_line():
    assert in_child("raise ValueError('broken build')").error == "ValueError: broken build"
    assert "the process ended with -6" in in_child("import os; os.abort()").error
