"""New databases of MLflow get their tables as a copy."""

import pytest
from migrated import make_tables_once


@pytest.fixture(scope="session", autouse=True)
def _tables(tmp_path_factory):
    make_tables_once(tmp_path_factory.mktemp("tables") / "mlflow.db")
