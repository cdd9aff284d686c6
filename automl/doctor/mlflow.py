"""MLflow's store: whether it can be read and written by the MLflow that is installed."""

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


def mlflow(store: Path) -> Check:
    """Look at MLFLOW_TRACKING_URI, or at the database beside the experiments of a folder."""
    address = os.environ.get("MLFLOW_TRACKING_URI", "")
    if address.startswith(("http://", "https://")):
        return _mlflow_server(address)
    if address and not address.startswith("sqlite:///"):
        return Check("MLflow", WARNING, f"{redacted(address)} is not looked into")
    given = Path(address.removeprefix("sqlite:///")) if address else None
    database = given or ExperimentPaths(store / "any").tracking_database
    if not database.exists():
        return Check("MLflow", OK, f"no {database} yet; the first run makes it")
    return _mlflow_database(database)


def _mlflow_server(address: str) -> Check:
    shown = redacted(address)
    try:
        with urllib.request.urlopen(f"{address.rstrip('/')}/health", timeout=5) as answer:
            return Check("MLflow", OK, f"{shown} answers ({answer.status})")
    except (urllib.error.URLError, OSError, ValueError) as error:
        advice = "start the server, or unset MLFLOW_TRACKING_URI for a database of your own"
        return Check("MLflow", PROBLEM, f"{shown} does not answer ({error})", advice)


def _mlflow_database(database: Path) -> Check:
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
    newest = _mlflow_schema()
    if newest is None or schema == newest:
        return Check("MLflow", OK, found)
    advice = f"keep a copy, then: mlflow db upgrade sqlite:///{database.resolve()}"
    return Check("MLflow", PROBLEM, f"{found}, but this MLflow wants {newest}", advice)


def _mlflow_schema() -> str | None:
    """Return the revision that no other of the installed MLflow's migrations follows."""
    spec = find_spec("mlflow")
    if spec is None or not spec.submodule_search_locations:
        return None
    folder = Path(spec.submodule_search_locations[0]) / "store" / "db_migrations" / "versions"
    followed: dict[str, str | None] = {}
    for path in folder.glob("*.py"):
        text = path.read_text()
        found = re.search(r"^revision\s*=\s*['\"](\w+)", text, re.M)
        before = re.search(r"^down_revision\s*=\s*['\"](\w+)", text, re.M)
        if found:
            followed[found[1]] = before[1] if before else None
    heads = set(followed) - set(followed.values())
    return heads.pop() if len(heads) == 1 else None
