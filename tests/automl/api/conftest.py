import pytest
from searched import LOCAL

import automl


@pytest.fixture(scope="session")
def experiment(tmp_path_factory):
    """A finished search of the toy skill."""
    folder = tmp_path_factory.mktemp("api")
    (folder / "data").mkdir()
    return automl.run(
        **LOCAL, data=folder / "data", trials=4, out=folder / "exp", fix={"train": {"width": 9}}
    )
