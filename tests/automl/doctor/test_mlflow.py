import http.server
import sqlite3
import threading

import pytest

from automl.doctor.check import OK, PROBLEM
from automl.doctor.mlflow import mlflow, newest_schema


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


def test_a_database_of_another_schema_is_told_with_the_command_that_upgrades_it(store):
    check = mlflow(store("0584bdc529eb"))
    assert check.status == PROBLEM
    assert "mlflow db upgrade sqlite:////" in check.advice


def test_a_database_of_the_installed_mlflow_is_well_and_is_left_as_it_was(store):
    folder = store(newest_schema())
    before = (folder / "mlflow.db").read_bytes()
    assert mlflow(folder).status == OK
    assert (folder / "mlflow.db").read_bytes() == before


def test_the_newest_schema_is_the_one_that_mlflow_itself_makes(tmp_path):
    """By MLflow's own table of migrations, read without making a database."""
    from alembic.script import ScriptDirectory
    from mlflow.store.db.utils import _get_alembic_config

    config = _get_alembic_config("sqlite://")
    assert newest_schema() == ScriptDirectory.from_config(config).get_current_head()


def test_a_server_that_answers_is_well_and_one_that_is_gone_is_a_problem(monkeypatch, tmp_path):
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
    monkeypatch.setenv("MLFLOW_TRACKING_URI", address.replace("user:password@", ""))
    assert mlflow(tmp_path).status == OK
    server.shutdown()
    server.server_close()
    thread.join()
    monkeypatch.setenv("MLFLOW_TRACKING_URI", address)
    gone = mlflow(tmp_path)
    assert gone.status == PROBLEM and "password" not in gone.found + gone.advice
