"""The address of MLflow's store."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import quote, unquote

from automl.errors import UsageError
from automl.experiment.derived import read_derived
from automl.experiment.paths import ExperimentPaths
from automl.files import lock

VARIABLE = "MLFLOW_TRACKING_URI"
_SQLITE = "sqlite:///"
_SQLITE_QUOTED = "sqlite+pysqlite:///"
_LOCK_TIMEOUT_S = 2.0
_CREATION_S = 300.0
"""Creating the tables takes minutes on a busy disk."""


def tracking_uri(paths: ExperimentPaths) -> str:
    """Return MLFLOW_TRACKING_URI, or the address of the database beside the experiment."""
    return os.environ.get(VARIABLE) or uri_from_database(paths.tracking_database)


def uri_from_database(path: Path) -> str:
    """Return the address of a SQLite database, which SQLAlchemy reads as a quoted URL.

    For `sqlite:` MLflow also creates the folder as it is quoted, a stray one if that differs.
    """
    plain = str(path.resolve())
    quoted = quote(plain)
    return (_SQLITE if quoted == plain else _SQLITE_QUOTED) + quoted


def database_from_uri(uri: str) -> Path | None:
    """Return the SQLite database of an address, or None if it is of another kind."""
    scheme, separator, path = uri.partition(":///")
    if scheme + separator not in (_SQLITE, _SQLITE_QUOTED):
        return None
    return Path(unquote(path.partition("?")[0]))


def is_server(uri: str) -> bool:
    """Whether an address is the one of an MLflow server."""
    return uri.startswith(("http://", "https://"))


def check_database(path: Path) -> None:
    """Raise `sqlite3.Error` if a database, or its folder, cannot be written within seconds.

    MLflow itself would try again for minutes.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with closing(sqlite3.connect(path, timeout=_LOCK_TIMEOUT_S)) as database:
        database.execute("BEGIN IMMEDIATE")
        database.rollback()


@contextmanager
def creating(database: Path) -> Iterator[None]:
    """Let one process at a time create MLflow's tables: two at once break each other's.

    The lock is a file beside the database. A process that holds it for minutes is not waited for.
    """
    database.parent.mkdir(parents=True, exist_ok=True)
    with database.with_name(f".{database.name}.lock").open("a") as file:
        lock(file, patience_s=_CREATION_S)
        yield


def store_of(folder: Path) -> str:
    """Return the tracking address for a runs folder or one experiment in it.

    Raises `UsageError` if neither holds an MLflow database.
    """
    if address := os.environ.get(VARIABLE):
        return address
    place = read_derived(ExperimentPaths(folder).mlflow)
    if is_server(server := str(place.get("store", ""))):
        return server
    for database in (folder / "mlflow.db", ExperimentPaths(folder).tracking_database):
        if database.exists():
            return uri_from_database(database)
    raise UsageError(f"{folder}: has no mlflow.db; give the folder that holds the experiments")
