"""A search on a real Ray cluster of two nodes, on loopback, with GPUs that only Ray counts."""

import json
import os
import subprocess
import sys

import pytest
from paths import HELPERS
from two_nodes import HEAD, WORKER

from automl.errors import UsageError
from automl.experiment.environment import FILE
from automl.runners.cluster import check_answers

# Ray's own default depends on what earlier runs left in the home folder.
ENVIRONMENT = {
    **os.environ,
    "RAY_AUTH_MODE": "disabled",
    # Ray's client server forks to start a process for each client. If another of its threads is in
    # gRPC then, gRPC's fork handlers crash the new process, and Ray waits for it until a timeout.
    "GRPC_ENABLE_FORK_SUPPORT": "0",
    "RAY_CLIENT_SERVER_CHECK_CHANNEL_TIMEOUT_S": "60",
}


@pytest.fixture(scope="module")
def cluster():
    """Return the address of a cluster: a head with 1 GPU, a worker with 2 GPUs and memory."""
    with subprocess.Popen(
        [sys.executable, str(HELPERS / "two_nodes.py")],
        env=ENVIRONMENT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    ) as made:  # fmt: skip
        yield json.loads(made.stdout.readline())
        made.stdin.close()


@pytest.fixture
def search(tmp_path, toy_data, commands):
    """Return a function that searches at an address; it returns the process and environments."""

    def run(address, *words):
        done = subprocess.run(
            [commands / "automl", "run", "--skill", "toy", "--data", str(toy_data),
             "--tracker", "none", "--quiet", "--algorithm", "random", "--epochs", "2",
             "--out", "exp", "--address", address, *words],
            cwd=tmp_path, env=ENVIRONMENT, capture_output=True, text=True, timeout=600, check=False,
        )  # fmt: skip
        told = [json.loads(p.read_text()) for p in sorted(tmp_path.glob(f"exp/trials/*/{FILE}"))]
        return done, told

    return run


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_trials_run_on_both_nodes_at_once_and_two_share_a_gpu(cluster, search):
    shares = ("--gpus-per-trial", "0.5", "--cpus-per-trial", "1")
    done, told = search("auto", "--trials", "3", *shares, "train.fail=unless_3")
    assert done.returncode == 0, done.stderr
    assert sorted(t["threads"] for t in told) == [HEAD, WORKER, WORKER]
    assert len({t["gpus"] for t in told if t["threads"] == WORKER}) == 1


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_trials_of_two_gpus_and_much_memory_go_where_both_are(cluster, search):
    gcs, _ = cluster
    done, told = search(gcs, "--trials", "2", "--memory-per-trial", "1GB", "train.gpus=2")
    assert done.returncode == 0, done.stderr
    assert [(t["threads"], t["gpus"]) for t in told] == [(WORKER, "0,1")] * 2


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_driver_outside_joins_by_rays_client(cluster, search):
    _, client = cluster
    done, told = search(client, "--trials", "2")
    assert done.returncode == 0, done.stderr
    assert len(told) == 2 and {t["threads"] for t in told} <= {HEAD, WORKER}


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_what_no_node_has_is_refused_and_the_cluster_goes_on(cluster, search):
    gcs, _ = cluster
    done, told = search(gcs, "--trials", "2", "--gpus-per-trial", "3")
    assert (done.returncode, told) == (2, [])
    assert done.stderr.strip().endswith("none here has 3; the largest has 2")
    assert "Traceback" not in done.stderr


def test_an_address_where_nothing_answers_is_refused_at_once():
    with pytest.raises(UsageError, match="--address 127.0.0.1:1: nothing answers there"):
        check_answers("127.0.0.1:1")
    with pytest.raises(UsageError, match="for ray:// at 10001"):
        check_answers("ray://127.0.0.1:1")
