import pytest

from automl.errors import UsageError
from automl.jobs.cancel import cancel_job
from automl.jobs.create import create_job


def test_a_running_job_is_canceled_by_its_id(root, running):
    job, child = running
    assert cancel_job(job.id, root=root).state == "canceled"
    assert child.wait(30) == 75
    with pytest.raises(UsageError, match="is canceled already"):
        cancel_job(job.id, root=root)


def test_a_trial_is_its_searchs_to_stop(root, searched):
    with pytest.raises(UsageError, match="cancel the search: automl job cancel exp"):
        cancel_job("exp/trials/0001", root=root)


def test_a_job_that_waits_is_canceled_without_a_process(root, toy_data):
    job = create_job("train", "toy", {"data.root": str(toy_data)}, root=root)
    assert cancel_job(job.id, root=root).state == "canceled"
    with pytest.raises(UsageError, match="is canceled already"):
        cancel_job(job.id, root=root)
