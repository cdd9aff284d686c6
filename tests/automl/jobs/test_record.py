from pathlib import Path

import pytest

from automl.jobs.record import Job, JobState
from automl.trial.trial import Failure, FailureKind


@pytest.mark.parametrize("state", JobState)
def test_a_job_is_over_unless_it_waits_runs_or_is_paused(state):
    assert state.is_over == (state not in ("pending", "running", "paused"))


def test_the_plain_form_has_absolute_paths_and_the_failure():
    failure = Failure(FailureKind.CRASHED, "why")
    job = Job("train-1", "train", "toy", artifacts={"best": "best.json"}, failure=failure)
    plain = job.to_dict(Path("/runs"))
    assert plain["folder"] == "/runs/train-1"
    assert plain["artifacts"] == {"best": "/runs/train-1/best.json"}
    assert plain["failure"] == {"kind": "crashed", "message": "why"}
    assert Job("train-1", "train", "toy").to_dict(Path("/runs"))["failure"] is None
