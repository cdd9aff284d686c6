import pytest

from segformer.errors import SpecError
from segformer.parallel.topology import Topology, topology_of
from segformer.spec.sections.devices import Devices

NODES = {"NODE_RANK": "1", "MASTER_ADDR": "10.0.0.1", "MASTER_PORT": "29500"}


def topology(environ=None, **settings):
    return topology_of("train", Devices(**settings), environ or {})


def test_one_process_on_the_cpu_is_what_a_machine_without_gpus_gives(no_gpu):
    assert topology() == Topology("cpu", (0,))
    assert topology().count == 1


def test_processes_on_the_cpu_are_had_by_asking_for_them(no_gpu):
    assert topology(num_gpus=3, accelerator="cpu") == Topology("cpu", (0, 1, 2))


@pytest.mark.parametrize(
    ("settings", "fault"),
    [
        ({"num_gpus": 2}, r"train\.num_gpus: requests 2 GPUs, but this machine has none; .*=cpu"),
        ({"accelerator": "gpu"}, r"accelerator: requests a GPU, but this machine has no GPU.*=cpu"),
        ({"gpu_ids": [1]}, r"train\.gpu_ids: requests GPUs \[1\], but no GPU is used here; .*=cpu"),
        ({"num_nodes": 2}, "need NODE_RANK, MASTER_ADDR, MASTER_PORT in the environment"),
    ],
)
def test_what_the_machine_has_not_is_refused(no_gpu, settings, fault):
    with pytest.raises(SpecError, match=fault):
        topology(**settings)


def test_gpu_numbers_must_be_as_many_as_gpus():
    with pytest.raises(SpecError, match=r"gpu_ids: \[0, 2\] are 2 GPUs, but train.num_gpus is 3"):
        topology(num_gpus=3, gpu_ids=[0, 2], accelerator="gpu")


def test_the_environment_says_how_many_nodes_and_processes_as_in_tao(no_gpu):
    environ = {**NODES, "WORLD_SIZE": "2", "NUM_GPU_PER_NODE": "3"}
    found = topology(environ, accelerator="cpu")
    assert found == Topology("cpu", (0, 1, 2), 2, 1, "10.0.0.1", 29500)
    assert found.count == 6
    assert [found.number_of(local) for local in range(3)] == [3, 4, 5]


def test_nodes_of_the_spec_need_no_world_size(no_gpu):
    assert topology(NODES, num_nodes=2).count == 2


@pytest.mark.parametrize(
    ("environ", "fault"),
    [
        ({"WORLD_SIZE": "3"}, r"train\.num_nodes: value 2, but WORLD_SIZE, .* is 3"),
        ({"WORLD_SIZE": "two"}, "WORLD_SIZE=two in the environment: must be a number"),
        ({**NODES, "NODE_RANK": "2"}, "NODE_RANK=2 in the environment: must be a number, 0 to 1"),
        ({**NODES, "TORCHELASTIC_RUN_ID": "x"}, "torchrun is not needed"),
    ],
)
def test_an_environment_that_contradicts_is_refused(no_gpu, environ, fault):
    with pytest.raises(SpecError, match=fault):
        topology(environ, num_nodes=2)


def test_ids_must_differ_and_be_numbers():
    with pytest.raises(ValueError, match="must name each GPU once"):
        Devices(gpu_ids=[1, 1])
    with pytest.raises(ValueError, match="greater than or equal to 0"):
        Devices(gpu_ids=[-1])
