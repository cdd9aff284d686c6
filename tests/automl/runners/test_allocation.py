import pytest

from automl.errors import UsageError
from automl.experiment.resources import Resources
from automl.runners.allocation import shares

EIGHT = [{"CPU": 64.0, "GPU": 8.0, "memory": 512e9}]
TWO_NODES = [{"CPU": 4.0, "GPU": 2.0}, {"CPU": 8.0, "GPU": 2.0}]
HEAD_AND_WORKERS = [{"CPU": 4.0}, {"CPU": 8.0, "GPU": 2.0}, {"CPU": 8.0, "GPU": 2.0}]


@pytest.mark.parametrize(
    ("resources", "nodes", "share", "tasks"),
    [
        (Resources(), [{"CPU": 2.0}], {"CPU": 1}, 2),
        (Resources(concurrency=1), [{"CPU": 8.0}], {"CPU": 8}, 1),
        (Resources(), EIGHT, {"CPU": 8, "GPU": 1}, 8),
        (Resources(concurrency=4), [{"CPU": 16.0, "GPU": 2.0}], {"CPU": 4, "GPU": 0.5}, 4),
        (Resources(concurrency=8), [{"CPU": 2.0}], {"CPU": 0.25}, 8),
        (Resources(gpus_per_trial=0.5, cpus_per_trial=3.0), [{"CPU": 8.0, "GPU": 1.0}],
         {"CPU": 3.0, "GPU": 0.5}, 2),
        (Resources(cpus_per_trial=4.0), [{"CPU": 8.0}], {"CPU": 4.0}, 2),
        (Resources(gpus_per_trial=0.5), EIGHT, {"CPU": 4, "GPU": 0.5}, 16),
        (Resources(gpus_per_trial=4), EIGHT, {"CPU": 32, "GPU": 4}, 2),
        (Resources(memory_per_trial="128GB"), EIGHT, {"CPU": 16, "GPU": 2, "memory": 128e9}, 4),
        (Resources(gpus_per_trial=0), EIGHT, {"CPU": 1}, 64),
        (Resources(), TWO_NODES, {"CPU": 2, "GPU": 1}, 4),
        (Resources(), HEAD_AND_WORKERS, {"CPU": 4, "GPU": 1}, 4),
        (Resources(concurrency=1), [{"CPU": 2.0}, {"CPU": 4.0}], {"CPU": 4}, 1),
        (Resources(concurrency=3), [{"CPU": 2.0}, {"CPU": 4.0}], {"CPU": 2}, 3),
        (Resources(gpus_per_trial=2), TWO_NODES, {"CPU": 4, "GPU": 2}, 2),
    ],
)  # fmt: skip
def test_shares_of_the_machines(resources, nodes, share, tasks):
    assert shares(resources, nodes) == (share, tasks)


def test_four_trials_on_three_gpus_get_halves_for_three_quarters_would_fit_three():
    assert shares(Resources(concurrency=4), [{"CPU": 8.0, "GPU": 3.0}])[0]["GPU"] == 0.5


@pytest.mark.parametrize(
    ("resources", "message"),
    [
        (Resources(gpus_per_trial=3), "--gpus-per-trial: .* none here has 3; the largest has 2"),
        (Resources(memory_per_trial="1GB"), "--memory-per-trial: .* none here has 1GB; .* has 0GB"),
        (Resources(gpus_per_trial=1, cpus_per_trial=4, concurrency=1), "all that one trial asks"),
    ],
)
def test_what_no_machine_has_is_refused_instead_of_waited_for(resources, message):
    with pytest.raises(UsageError, match=message):
        shares(resources, [{"CPU": 2.0, "GPU": 2.0}, {"CPU": 8.0}])
