"""Jobs of the toy skill for the tests of this folder."""

import os
import subprocess
import time

import pytest
import yaml

from automl.experiment.resources import Resources
from automl.jobs.create import create_job
from automl.jobs.run import run_job
from automl.jobs.store import JobStore
from automl.plan.plan import plan_from_request
from automl.request.request import Request
from automl.request.search import SearchRequest
from automl.session.session import drive


@pytest.fixture
def root(tmp_path):
    return tmp_path / "runs"


@pytest.fixture
def trained(root, toy_data):
    """Return the job of a finished training of four epochs."""
    job = create_job("train", "toy", {"data.root": str(toy_data)}, root=root)
    return run_job(job.id, root=root)


@pytest.fixture
def searched(root, toy_data):
    request = Request(
        skill="toy", data=str(toy_data), out=root / "exp", tracker="none",
        search=SearchRequest(trials=3, epochs=3), resources=Resources(runner="local"),
    )  # fmt: skip
    plan_from_request(request).write()
    return drive(root / "exp")


@pytest.fixture
def run(root):
    """Return a function that creates a job with a parent and runs it."""

    def make(action, parent, spec=None, **options):
        job = create_job(action, "toy", spec, parent_job_id=parent, root=root, **options)
        return run_job(job.id, root=root)

    return make


@pytest.fixture
def spec_of(root):
    """Return a function that reads the spec of a job."""
    return lambda job: yaml.safe_load((root / job.id / "spec.yaml").read_text())


@pytest.fixture
def running(root, toy_data, commands):
    """Return a job that trains in a process of its own, and the process."""
    command = ["job", "run", "train", "--skill", "toy", "--root", str(root), "--train-datasets",
               str(toy_data), "train.pause_s=0.2", "train.epochs=20"]  # fmt: skip
    child = subprocess.Popen(
        [commands / "automl", *command], env=os.environ,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        wait_for(lambda: list(root.glob("train-*/checkpoints/last.json")))
        yield JobStore(root).jobs()[0], child
    finally:
        child.kill()
        child.wait()


def wait_for(is_so):
    for _ in range(300):
        if is_so():
            return
        time.sleep(0.1)
    raise AssertionError("it did not come within 30 s")
