"""Whether MLflow's store can be read and written by the MLflow that is installed."""

import os
import re
import sqlite3
import urllib.error
import urllib.request
from contextlib import closing
from importlib.util import find_spec
from pathlib import Path

from automl.doctor.check import OK, PROBLEM, WARNING, Check
from automl.experiment.paths import ExperimentPaths
from automl.redact import redacted
from automl.tracking.address import VARIABLE, database_from_uri, is_server, uri_from_database


def mlflow(folder: Path) -> Check:
    """Check MLFLOW_TRACKING_URI, or the database beside the experiments of a folder."""
    address = os.environ.get(VARIABLE, "")
    if is_server(address):
        return _server(address)
    database = database_from_uri(address) if address else None
    if address and database is None:
        return Check("MLflow", WARNING, f"{redacted(address)} is not checked")
    return _database(database or ExperimentPaths(folder / "any").tracking_database)


def newest_schema() -> str | None:
    """Return the newest database schema of the installed MLflow, None if there is no MLflow.

    It is the revision that no other migration follows; MLflow itself is not imported.
    """
    spec = find_spec("mlflow")
    if spec is None or not spec.submodule_search_locations:
        return None
    folder = Path(spec.submodule_search_locations[0]) / "store" / "db_migrations" / "versions"
    parents: dict[str, str | None] = {}
    for path in folder.glob("*.py"):
        text = path.read_text()
        revision = re.search(r"^revision\s*=\s*['\"](\w+)", text, re.M)
        parent = re.search(r"^down_revision\s*=\s*['\"](\w+)", text, re.M)
        if revision:
            parents[revision[1]] = parent[1] if parent else None
    heads = set(parents) - set(parents.values())
    return heads.pop() if len(heads) == 1 else None


def _server(address: str) -> Check:
    shown = redacted(address)
    try:
        with urllib.request.urlopen(f"{address.rstrip('/')}/health", timeout=5) as answer:
            return Check("MLflow", OK, f"{shown} answers ({answer.status})")
    except (urllib.error.URLError, OSError, ValueError) as error:
        advice = f"start the server, or unset {VARIABLE} for a database of your own"
        return Check("MLflow", PROBLEM, f"{shown} does not answer ({redacted(str(error))})", advice)


def _database(database: Path) -> Check:
    if not database.exists():
        return Check("MLflow", OK, f"no {database} yet; the first run creates it")
    try:
        with closing(sqlite3.connect(f"{database.resolve().as_uri()}?mode=rw", uri=True)) as store:
            [(schema,)] = store.execute("SELECT version_num FROM alembic_version").fetchall()
            store.execute("BEGIN IMMEDIATE")
            store.execute("CREATE TABLE automl_doctor (a)")
            store.rollback()
    except (sqlite3.Error, ValueError) as error:
        advice = f"move {database} aside: MLflow only mirrors the experiments' journals"
        return Check("MLflow", PROBLEM, f"{database} cannot be read and written ({error})", advice)
    found = f"{database} can be read and written, schema {schema}"
    newest = newest_schema()
    if newest is None or schema == newest:
        return Check("MLflow", OK, found)
    advice = f"keep a copy, then: mlflow db upgrade {uri_from_database(database)}"
    return Check("MLflow", PROBLEM, f"{found}, but this MLflow needs {newest}", advice)
