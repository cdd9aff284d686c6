"""New databases of MLflow get their tables as a copy."""

import pytest
from migrated import tables_made_once


@pytest.fixture(scope="session")
def _made(tmp_path_factory):
    return tmp_path_factory.mktemp("tables") / "mlflow.db"


@pytest.fixture(scope="module", autouse=True)
def _tables(_made):
    with tables_made_once(_made):
        yield
