import sqlite3

import pytest
from sqlalchemy.engine import make_url

from automl.errors import UsageError
from automl.experiment.paths import ExperimentPaths
from automl.tracking.address import (
    check_database,
    database_from_uri,
    store_of,
    tracking_uri,
    uri_from_database,
)


@pytest.mark.parametrize("name", ["my%20runs", "a?b", "c d", "e#f", "plain", "ümlaut"])
def test_the_address_of_a_database_names_its_file_whatever_its_folder_is_called(tmp_path, name):
    database = tmp_path / name / "mlflow.db"
    uri = uri_from_database(database)
    assert make_url(uri).database == str(database)
    assert database_from_uri(uri) == database


def test_the_variable_stands_over_the_database_beside_the_experiment(tmp_path, monkeypatch):
    paths = ExperimentPaths(tmp_path / "runs" / "exp")
    assert tracking_uri(paths) == f"sqlite:///{tmp_path}/runs/mlflow.db"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://host:5000")
    assert tracking_uri(paths) == store_of(tmp_path) == "http://host:5000"


def test_a_folder_without_a_database_is_refused(tmp_path, monkeypatch):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    with pytest.raises(UsageError, match=r"has no mlflow\.db"):
        store_of(tmp_path)
    (tmp_path / "mlflow.db").touch()
    assert store_of(tmp_path / "exp") == store_of(tmp_path) == f"sqlite:///{tmp_path}/mlflow.db"


def test_a_folder_and_a_locked_file_are_no_databases_to_write(tmp_path):
    (tmp_path / "folder.db").mkdir()
    with pytest.raises(sqlite3.Error, match="unable to open"):
        check_database(tmp_path / "folder.db")
    with sqlite3.connect(tmp_path / "locked.db", isolation_level=None) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(sqlite3.Error, match="locked"):
            check_database(tmp_path / "locked.db")
