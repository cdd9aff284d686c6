"""MLflow's tables, made once: MLflow takes a new database through all its migrations, in seconds.

Which tables these are is MLflow's matter, and each new database of the tests would have the same.
"""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from unittest import mock

from mlflow.store.db import utils
from mlflow.store.model_registry import sqlalchemy_store
from sqlalchemy.engine import Engine


@contextmanager
def tables_made_once(made: Path) -> Iterator[None]:
    """Copy the tables into each new database of this process from a file, which the first makes."""
    migrate = utils._initialize_tables

    def make_tables(engine: Engine) -> None:
        name = engine.url.database
        if engine.dialect.name != "sqlite" or not name or not utils._is_empty_database(engine):
            migrate(engine)
        elif made.exists():
            _copy(str(made), name)
        else:
            migrate(engine)
            part = f"{made}.{os.getpid()}"
            _copy(name, part)
            Path(part).replace(made)

    with (
        mock.patch.object(utils, "_initialize_tables", make_tables),
        mock.patch.object(sqlalchemy_store, "_initialize_tables", make_tables),
    ):
        yield


def _copy(source: str, target: str) -> None:
    with closing(sqlite3.connect(source)) as read, closing(sqlite3.connect(target)) as written:
        read.backup(written)
