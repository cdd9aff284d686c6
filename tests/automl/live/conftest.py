"""A search whose journal grows as a test says."""

import pytest
from live import Search
from made import finish, report, start
from toy_experiment import write_toy_experiment

from automl.experiment.journal import opened_event


@pytest.fixture
def search(tmp_path, toy_data):
    """A search of the toy skill with a finished trial and one that trains."""
    search = Search(write_toy_experiment(tmp_path / "exp", toy_data))
    search.append(opened_event())
    values = search.values()
    search.append(
        start(0, values), report(0, 1, 0.4, loss=1.0), finish(0),
        start(1, {**values, "train.lr": 0.05}), report(1, 1, 0.5, loss=1.0),
    )  # fmt: skip
    return search
