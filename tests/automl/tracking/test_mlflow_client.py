import multiprocessing
import os

import pytest

from automl.experiment.paths import ExperimentPaths
from automl.tracking.mlflow_client import MlflowRuns

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("default")]
COUNT = 2


@pytest.fixture(scope="module", autouse=True)
def _tables():
    """Leave MLflow its migrations: two processes in them at once would break each other's."""


def create(folder, barrier, ended):
    """Create a store at the same moment as others; say by the exit code whether it worked."""
    paths = ExperimentPaths(folder / str(os.getpid()))
    barrier.wait()
    runs = MlflowRuns(f"sqlite:///{folder}/mlflow.db", f"skill-{os.getpid()}", paths)
    ended.put(runs.experiment_id)


def test_processes_that_create_one_store_at_once_all_succeed(tmp_path):
    context = multiprocessing.get_context("fork")
    barrier, ended = context.Barrier(COUNT), context.SimpleQueue()
    processes = [
        context.Process(target=create, args=(tmp_path, barrier, ended)) for _ in range(COUNT)
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join(timeout=200)
    assert [process.exitcode for process in processes] == [0] * COUNT
    assert len({ended.get() for _ in processes}) == COUNT


def test_a_pipe_is_not_uploaded(tmp_path):
    os.mkfifo(tmp_path / "importance.json")
    runs = MlflowRuns(f"sqlite:///{tmp_path}/mlflow.db", "skill", ExperimentPaths(tmp_path / "exp"))
    runs.upload("no run is asked for", tmp_path / "importance.json")
