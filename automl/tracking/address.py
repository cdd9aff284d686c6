"""Where MLflow's store is."""

import json
import os
from pathlib import Path

from automl.errors import UsageError
from automl.experiment.paths import ExperimentPaths


def tracking_uri(paths: ExperimentPaths) -> str:
    """Return MLFLOW_TRACKING_URI, or the address of the database beside the experiment."""
    return os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{paths.tracking_database.resolve()}"


def store_of(folder: Path) -> str:
    """Return the tracking address for a runs folder or one experiment in it.

    Raises `UsageError` where neither holds an MLflow database.
    """
    given = os.environ.get("MLFLOW_TRACKING_URI")
    if given:
        return given
    where = ExperimentPaths(folder).mlflow
    if where.exists() and (server := json.loads(where.read_text())["store"]).startswith("http"):
        return str(server)
    beside = ExperimentPaths(folder).tracking_database
    for database in (folder / "mlflow.db", beside):
        if database.exists():
            return f"sqlite:///{database.resolve()}"
    raise UsageError(f"{folder}: has no mlflow.db; give the folder that holds the experiments")


def without_password(uri: str) -> str:
    """Return an address that may be printed: what stands before an @ is left out."""
    scheme, separator, rest = uri.partition("://")
    return scheme + separator + rest.rpartition("@")[2]
